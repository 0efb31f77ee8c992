"""The repository stands alone: it names no index, no machine, and nothing unpinned."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.conftest import PACKAGE_OF

ROOT = Path(__file__).parents[2]
TEXT_MAX_BYTES = 1_000_000
# Written so that neither pattern finds itself.
INDEX_HOSTS = re.compile(r"pypi[.]org|pythonhosted[.]org|--(?:extra-)?index[-]url")
SOMEBODYS_PATH = re.compile(r"(?<![\w.])/(?:home|Users|root|work)/\w")


def _texts() -> dict[str, str]:
    """Every text file that is or would be committed, by name."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    found = {}
    for name in filter(None, listed.stdout.split("\0")):
        file = ROOT / name
        if file.is_file() and file.stat().st_size < TEXT_MAX_BYTES:
            found[name] = file.read_bytes().decode("utf-8", errors="ignore")
    return found


@pytest.mark.parametrize("what", [INDEX_HOSTS, SOMEBODYS_PATH], ids=["package index", "absolute path"])
def test_no_file_names_what_only_one_machine_has(what: re.Pattern[str]) -> None:
    """Whoever installs it uses the index and the directories of their own."""
    named = {name: match.group() for name, text in _texts().items() if (match := what.search(text))}

    assert named == {}


@pytest.mark.parametrize("file", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda file: file.stem)
def test_requirements_are_locked_by_hash(file: Path) -> None:
    """Every requirement is one exact version with at least one SHA-256."""
    text = file.read_text(encoding="utf-8").replace("\\\n", " ")
    required = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]

    assert required
    for line in required:
        assert re.match(r"[a-z0-9][\w.-]*(\[[\w,-]+\])?==\S+", line, re.IGNORECASE), line
        assert "--hash=sha256:" in line, line


def test_make_installs_what_tests_need() -> None:
    """Each tool that a test may need, and its package, is known to the script behind ``make deps``."""
    script = (ROOT / "requirements" / "system.sh").read_text(encoding="utf-8")

    assert dict(re.findall(r"\[([\w-]+)\]=([\w.+-]+)", script)) == PACKAGE_OF


def test_the_changelog_speaks_of_this_version() -> None:
    """What is in the tree is either released under its version or listed as unreleased."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert "## Unreleased" in changelog or f"## {version}" in changelog


def test_no_private_key_is_in_the_repository() -> None:
    """Keys are made where they are used."""
    beginning = "-----BEGIN " + "PRIVATE KEY-----"

    assert [name for name, text in _texts().items() if beginning in text] == []
