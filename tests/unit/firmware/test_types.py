"""The firmware fits MicroPython's own description of what an ESP32 offers."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).parents[3] / "device_profiles" / "firmware"
STUBS = ("micropython-esp32-stubs", "micropython-stdlib-stubs")
# The stubs are checked by who makes them; they contradict each other in places.
CONFIG = """
[mypy]
python_version = 3.11
strict = True
mypy_path = {typings}:{firmware}
explicit_package_bases = True
custom_typeshed_dir = {typings}
no_site_packages = True
cache_dir = {cache}
[mypy-{stubs}]
ignore_errors = True
follow_imports = silent
"""


@pytest.fixture
def typings(tmp_path: Path) -> Path:
    """The stubs by themselves: mypy takes no stubs of the standard library from among installed packages."""
    directory = tmp_path / "typings"
    for stubs in STUBS:
        for file in metadata.files(stubs) or ():
            if file.suffix == ".pyi" or file.name == "VERSIONS":
                link = directory / file
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(file.locate())
    return directory


def test_the_firmware_fits_the_chip(typings: Path, tmp_path: Path) -> None:
    """mypy, strict, against the stubs of MicroPython for the ESP32, finds nothing."""
    config = tmp_path / "mypy.ini"
    config.write_text(_config(typings, tmp_path / "cache"))
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", config, *sorted(FIRMWARE.glob("*.py"))],
        cwd=FIRMWARE,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.stdout.startswith("Success"), checked.stdout + checked.stderr


def _config(typings: Path, cache: Path) -> str:
    tops = {file.relative_to(typings).parts[0].removesuffix(".pyi") for file in typings.rglob("*.pyi")}
    standard = {file.stem for file in (typings / "stdlib").glob("*.pyi")}
    packages = {f"{directory.name}.*" for directory in (typings / "stdlib").iterdir() if directory.is_dir()}
    ignored = (tops | standard | packages | {"_mpy_shed.*"}) - {"stdlib"}
    return CONFIG.format(typings=typings, firmware=FIRMWARE, cache=cache, stubs=",".join(sorted(ignored)))
