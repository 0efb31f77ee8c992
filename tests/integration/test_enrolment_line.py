"""Enrolment on lines as they are in stairwells: every mishap is a plain sentence, and the voucher stays good."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.adapters import https
from edge_agent.adapters.enrol import enrol, resume
from edge_agent.adapters.identity import HubIdentity, load_identity
from edge_agent.enrolling import Patience, persistently
from edge_agent.errors import CredentialError, UplinkError
from hil_tests.rig.ports import free_ports
from tests.helpers.bad_line import BadLine, Meeting, Mishap, bad_line
from tests.helpers.site_process import SiteProcess, site_process
from tests.helpers.trust import Site, serial
from zero_trust import keys, tls
from zero_trust.authority import issue_server
from zero_trust.keystore import save_certificates, save_key
from zero_trust.voucher import Voucher, parse_voucher

BYTES_MAX = 6000  # a whole enrolment on one connection is less
MISHAPS = st.builds(Meeting, st.sampled_from(Mishap), st.integers(0, BYTES_MAX))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    """One running site for all tests here; each uses hubs of its own."""
    with site_process(tmp_path_factory.mktemp("site") / "demo") as running:
        yield running


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that waits half a second for what will not come."""
    monkeypatch.setattr(https, "TIMEOUT_S", 0.5)
    monkeypatch.setattr(https, "ANSWER_MAX_S", 1.0)


def test_what_the_installer_is_told_is_counted_once_for_each_attempt() -> None:
    """Attempts, sentences and waits in step; the last one says what stays to be done."""
    told, slept, clock = list[str](), list[float](), [0.0]

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    def attempt() -> None:
        raise UplinkError("It is away.", code="authority-unreachable")

    patience = Patience(60, lambda: clock[0], sleep, lambda: 0.5, told.append)
    with pytest.raises(UplinkError, match="away") as ended:
        persistently(attempt, patience)

    assert len(told) == len(slept) > 3
    assert told[0] == "It is away. The voucher stays good; trying again in 2 s."
    assert sum(slept) <= 60 < sum(slept) + 20
    assert "run lum-hub enrol again" in ended.value.hint


@pytest.mark.parametrize(
    "trouble",
    [CredentialError("no", code="voucher-used"), UplinkError("read along", code="certificate-untrusted")],
)
def test_what_is_no_mishap_of_the_line_is_not_tried_again(trouble: Exception) -> None:
    """A refusal, or somebody who reads along, is the same in ten seconds."""

    def attempt() -> None:
        raise trouble

    def never(_: object) -> None:
        raise AssertionError

    with pytest.raises(type(trouble)):
        persistently(attempt, Patience(60, lambda: 0.0, never, lambda: 0.5, never))


@pytest.mark.usefixtures("hasty")
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.lists(MISHAPS, max_size=8))
def test_any_run_of_mishaps_ends_in_one_enrolled_hub(site: SiteProcess, script: list[Meeting]) -> None:
    """One hub, the same words at both ends, no wrong code counted; sentences name neither code nor Python."""
    voucher = parse_voucher(site.voucher(home := f"h-{site.hubs}"))
    with _line(site, script) as line:
        identity, told = _enrolled(site, voucher, line)

    [listed] = [row for row in site.operator.hubs() if row["home"] == home]
    assert (listed["hub"], listed["words"]) == (identity.hub, identity.words)
    assert _wrong_codes(site, voucher) == 0
    assert len(told) <= len(line.met)
    for sentence in told:
        assert sentence.endswith(" s.")
        assert not any(word in sentence for word in (voucher.code, "Error", "Traceback", "errno"))


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("mishap", Mishap)
@pytest.mark.parametrize("connection", [0, 1, 2])
def test_each_mishap_at_each_question(site: SiteProcess, mishap: Mishap, connection: int) -> None:
    """Who answers, what time is it, may I enrol: one failure each, and one sentence for it."""
    voucher = parse_voucher(site.voucher())
    script = [Meeting()] * connection + [Meeting(mishap, 2500)]
    with _line(site, script) as line:
        identity, told = _enrolled(site, voucher, line)

    assert (len(told), len(line.met)) in {(1, connection + 4), (0, 3)}  # 2,500 bytes can be all there is
    if mishap in {Mishap.PAGE, Mishap.TLS_PAGE} and connection == 0:
        assert "sign-in page" in told[0]
    assert identity.home == "h-17"


@pytest.mark.usefixtures("hasty")
def test_an_answer_that_comes_byte_by_byte_is_not_waited_for(site: SiteProcess) -> None:
    """Each byte within the time for one piece, all of them never: that is out of reach as well."""
    voucher = parse_voucher(site.voucher())
    patient = Patience(0, lambda: 0.0, lambda _: None, lambda: 0.5, lambda _: None)
    with _line(site, [Meeting(Mishap.HELD)]) as line:
        held, directory = replace(voucher, port=line.port).text, site.hub_directory()
        with pytest.raises(UplinkError) as trouble:
            persistently(lambda: enrol(held, directory), patient)

    assert trouble.value.code == "authority-unreachable"


@pytest.mark.usefixtures("hasty")
def test_a_lost_answer_is_asked_for_without_the_voucher(site: SiteProcess) -> None:
    """The code is nowhere on the disk, and is not needed."""
    voucher, directory = parse_voucher(site.voucher()), site.hub_directory()
    assert resume(directory) is None
    with _line(site, [Meeting(), Meeting(), Meeting(Mishap.HELD)]) as line:
        with pytest.raises(UplinkError):
            enrol(replace(voucher, port=line.port).text, directory)
        kept = b"".join(file.read_bytes() for file in directory.iterdir())
        resumed = resume(directory)

    assert voucher.code.encode() not in kept
    assert resumed is not None
    assert resumed.words in {row["words"] for row in site.operator.hubs()}
    again = resume(directory)
    assert again is not None
    assert again.name == resumed.name


@pytest.mark.usefixtures("hasty")
def test_a_new_voucher_does_not_hide_that_the_old_one_was_granted(site: SiteProcess) -> None:
    """The lost answer is asked for first; what the old one was refused stands in nobody's way."""
    old, new, directory = parse_voucher(site.voucher("h-1")), site.voucher("h-2"), site.hub_directory()
    with _line(site, [Meeting(), Meeting(), Meeting(Mishap.HELD)]) as line:
        with pytest.raises(UplinkError):
            enrol(replace(old, port=line.port).text, directory)
        with pytest.raises(CredentialError) as told:
            enrol(new, directory)
        assert told.value.code == "identity-already-enrolled"
        assert "h-1" in str(told.value)
        assert load_identity(directory).home == "h-1"

    never, elsewhere = parse_voucher(site.voucher("h-3")), site.hub_directory()
    with pytest.raises(UplinkError):
        enrol(replace(never, port=free_ports(1)[0]).text, elsewhere)
    assert enrol(new, elsewhere).home == "h-2"


def _line(site: SiteProcess, script: list[Meeting]) -> contextlib.AbstractContextManager[BadLine]:
    """A line to the authority of ``site``; whoever shows a page has a certificate of another site."""
    other, key, place = Site(), keys.generate_key(), site.directory / "portal"
    leaf = issue_server(
        other.tls,
        key.public_key(),
        service="portal",
        hosts=["127.0.0.1"],
        now_ms=other.now_ms,
        serial=serial(),
    )
    save_key(place / "portal.key", key)
    save_certificates(place / "portal.crt", (leaf, other.tls.certificate))
    page = tls.server_context(place / "portal.crt", place / "portal.key")
    return bad_line(site.config.ports.authority, script, page)


def _enrolled(site: SiteProcess, voucher: Voucher, line: BadLine) -> tuple[HubIdentity, list[str]]:
    """Enrol over ``line`` as an installer would, who calls again after he was told that somebody reads along."""
    directory, told = site.hub_directory(), list[str]()
    astray = replace(voucher, port=line.port).text
    patience = Patience(3600, lambda: 0.0, lambda _: None, lambda: 0.5, told.append)
    while True:
        try:
            return persistently(lambda: enrol(astray, directory), patience), told
        except UplinkError as error:
            assert error.code == "certificate-untrusted"  # noqa: PT017 - called again for nothing else
            told.append(f"{error} Again in 0 s.")


def _wrong_codes(site: SiteProcess, voucher: Voucher) -> int:
    with closing(sqlite3.connect(site.config.paths.store)) as db:
        [(count,)] = db.execute("SELECT wrong_codes FROM voucher WHERE id = ?", (voucher.id,)).fetchall()
    return int(count)
