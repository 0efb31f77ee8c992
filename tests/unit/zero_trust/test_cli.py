"""``lum-trust`` as an operator meets it: results on stdout, sentences on stderr, exit codes of sysexits."""

from __future__ import annotations

import json
import socketserver
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from zero_trust import cli

HUB_ID = "abcdefghijk27"


def lum_trust(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command as the shell does; gives its exit code."""
    monkeypatch.setattr(sys, "argv", ["lum-trust", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


ANSWERS: dict[str, tuple[int, object]] = {
    "/v1/voucher": (200, {"voucher": "LUM1:text", "home": "h-17", "expires_ms": 1_800_000_000_000}),
    "/v1/revoke": (403, {"code": "hub-unknown", "detail": HUB_ID}),
    "/v1/release": (200, {"hub": HUB_ID, "standing": "enrolled"}),
    "/v1/restore": (200, {"hub": HUB_ID, "standing": "enrolled"}),
    "/v1/alarms": (
        200,
        [
            {
                "code": "registry-unreachable",
                "since_ms": 1_800_000_000_000,
                "hub": "",
                "detail": "",
                "sentence": "It is away.",
                "who": "operations",
                "hint": "Look.",
                "help": "RGST",
            }
        ],
    ),
    "/v1/hubs": (
        200,
        [
            {
                "hub": HUB_ID,
                "home": "h-17",
                "words": "acid acorn actor agent",
                "standing": "revoked",
                "reason": "lost",
                "standing_at_ms": 1_800_000_000_000,
                "enrolled_at_ms": 1_800_000_000_000,
            }
        ],
    ),
    "/v1/refusals": (
        200,
        [
            {
                "at_ms": 1_800_000_000_000,
                "where": "broker",
                "hub": HUB_ID,
                "code": "hub-revoked",
                "detail": "",
                "sentence": "Operations have revoked this hub.",
                "who": "operations",
                "hint": "Ask.",
                "help": "HREV",
            }
        ],
    ),
}


class _Authority(BaseHTTPRequestHandler):
    """Answers as the authority's admin API does."""

    def do_GET(self) -> None:
        """Answer what the table says."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, content = ANSWERS[self.path]
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the base class names it so

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A site directory with an authority behind its socket."""
    (tmp_path / "receiver.toml").write_text('site = "demo"\n[paths]\nrun = "r"\n')
    (tmp_path / "r").mkdir()
    with socketserver.UnixStreamServer(str(tmp_path / "r" / "authority.sock"), _Authority) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield str(tmp_path)
        server.shutdown()
        serving.join()


def test_init_makes_a_site_and_says_what_to_do_with_the_root(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The site is there, and the first advice is to move the root key offline."""
    code = lum_trust(monkeypatch, "init", str(tmp_path / "s"), "--site", "demo", "--host", "127.0.0.1")
    said = capsys.readouterr().out

    assert code == 0
    assert (tmp_path / "s" / "receiver.toml").exists()
    assert f"move {tmp_path / 's' / 'root' / 'root.key'} offline" in said


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["init", "{site}", "--site", "demo", "--host", "h"], 73, "not empty"),
        (["init", "{site}/new", "--site", "My Site", "--host", "h"], 64, "cannot name a site"),
        (["init", "{site}/new", "--site", "demo", "--host", "a b"], 64, "neither a host name"),
        (["init", "{site}/new", "--site", "demo"], 64, "Missing option '--host'"),
        (["voucher", "new", "--home", "h", "--dir", "{site}/r"], 78, "no site"),
        (["revoke", HUB_ID, "--reason", "lost", "--dir", "{site}"], 67, "knows no such hub"),
        (["hubs", "--dir", "{site}/absent"], 78, "no site"),
        (["nonsense"], 64, "No such command"),
    ],
)
def test_failures_are_one_sentence_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    site: str,
    arguments: list[str],
    code: int,
    sentence: str,
) -> None:
    """What is wrong, what to do, nothing on stdout, no traceback."""
    assert lum_trust(monkeypatch, *(argument.format(site=site) for argument in arguments)) == code
    said = capsys.readouterr()

    assert sentence in said.err
    assert said.out == ""
    assert "Traceback" not in said.err


def test_a_site_that_does_not_run_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Exit code 69, and the command that starts it."""
    (tmp_path / "receiver.toml").write_text('site = "demo"\n')

    assert lum_trust(monkeypatch, "hubs", "--dir", str(tmp_path)) == 69
    assert "lum-receiver run" in capsys.readouterr().err


def test_the_voucher_alone_is_on_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], site: str
) -> None:
    """So it can be piped; for whom and how long is on stderr."""
    assert lum_trust(monkeypatch, "voucher", "new", "--home", "h-17", "--dir", site) == 0
    said = capsys.readouterr()

    assert said.out == "LUM1:text\n"
    assert "home h-17, once, until 2027-01-15 08:00 UTC" in said.err


def test_a_picture_is_for_its_owner_alone_and_nothing_else_shows_the_voucher(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], site: str, tmp_path: Path
) -> None:
    """0600, never over another file, and the terminal says only where it is."""
    picture = tmp_path / "v.png"
    command = ("voucher", "new", "--home", "h-17", "--dir", site, "--png", str(picture))
    assert lum_trust(monkeypatch, *command) == 0
    said = capsys.readouterr()
    assert (said.out, "LUM1" in said.err, str(picture) in said.err) == ("", False, True)
    assert picture.stat().st_mode & 0o777 == 0o600
    before = picture.read_bytes()

    assert lum_trust(monkeypatch, *command) == 73
    assert "There is such a file already" in capsys.readouterr().err
    assert picture.read_bytes() == before

    assert lum_trust(monkeypatch, *command[:-1], str(tmp_path / "absent" / "v.png")) == 73
    assert "cannot be written" in capsys.readouterr().err


def test_the_code_is_drawn_on_a_terminal_or_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], site: str
) -> None:
    """Its text stands below, on a line of its own; on stderr there is none of it."""
    command = ("voucher", "new", "--home", "h-17", "--dir", site)
    for asked, on_terminal, drawn in (
        ((), True, True),
        (("--qr",), False, True),
        (("--no-qr",), True, False),
    ):
        monkeypatch.setattr("sys.stdout.isatty", lambda shown=on_terminal: shown)
        assert lum_trust(monkeypatch, *command, *asked) == 0
        said = capsys.readouterr()
        assert ("█" in said.out, said.out.splitlines()[-1]) == (drawn, "LUM1:text")
        assert not any(mark in said.err for mark in ("LUM1", "█"))


def test_lists_are_readable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], site: str
) -> None:
    """Hubs with words and standing; refusals with who can mend them."""
    assert lum_trust(monkeypatch, "hubs", "--dir", site) == 0
    assert lum_trust(monkeypatch, "refusals", "--dir", site) == 0
    said = capsys.readouterr().out

    assert f"{HUB_ID}  home h-17  acid acorn actor agent  revoked since 2027-01-15 08:00 UTC: lost" in said
    assert "[HREV, hub-revoked]\n  Operations have revoked this hub. For operations: Ask." in said


@pytest.mark.parametrize(
    ("sessions", "sentence"),
    [(1, "connection has been ended"), (0, "was not connected"), (None, "broker does not answer")],
)
def test_revoking_says_what_became_of_the_connection(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    site: str,
    sessions: int | None,
    sentence: str,
) -> None:
    """Ended, none there, or the broker could not be asked."""
    answer = (200, {"hub": HUB_ID, "standing": "revoked", "sessions": sessions})
    monkeypatch.setitem(ANSWERS, "/v1/revoke", answer)

    assert lum_trust(monkeypatch, "revoke", HUB_ID, "--reason", "lost", "--dir", site) == 0
    assert sentence in capsys.readouterr().out


def test_releasing_says_what_follows_if_there_is_a_copy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], site: str
) -> None:
    """The line begins anew; two holders fork it again."""
    assert lum_trust(monkeypatch, "release", HUB_ID, "--dir", site) == 0
    assert f"Hub {HUB_ID} is confirmed" in capsys.readouterr().out


def test_restoring_says_that_the_hub_comes_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], site: str
) -> None:
    """Nobody has to go there."""
    assert lum_trust(monkeypatch, "restore", HUB_ID, "--dir", site) == 0
    assert f"Hub {HUB_ID} may speak again" in capsys.readouterr().out


def test_alarms_are_readable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], site: str
) -> None:
    """Since when, whom, why, and who does what; none is said in words."""
    assert lum_trust(monkeypatch, "alarms", "--dir", site) == 0
    said = capsys.readouterr().out
    assert (
        "since 2027-01-15 08:00 UTC  -  [RGST, registry-unreachable]\n  It is away. For operations: Look."
        in said
    )

    monkeypatch.setitem(ANSWERS, "/v1/alarms", (200, []))
    assert lum_trust(monkeypatch, "alarms", "--dir", site) == 0
    assert capsys.readouterr().out == "Nothing to look at.\n"


@pytest.mark.parametrize("command", [["voucher", "new", "--home", "h"], ["hubs"], ["refusals"], ["alarms"]])
def test_machines_get_one_json_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], site: str, command: list[str]
) -> None:
    """Just what the authority answered."""
    assert lum_trust(monkeypatch, *command, "--dir", site, "--json") == 0

    assert json.loads(capsys.readouterr().out) == ANSWERS[f"/v1/{command[0]}"][1]


def test_help_names_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And costs no error."""
    assert lum_trust(monkeypatch, "--help") == 0
    said = capsys.readouterr().out

    assert all(
        command in said
        for command in ("init", "voucher", "revoke", "release", "restore", "hubs", "refusals", "alarms")
    )
