"""Enrolment, renewal and standing against a real authority: each refusal shows at both ends."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.adapters import authority, https
from edge_agent.adapters.enrol import enrol
from edge_agent.adapters.identity import load_identity
from edge_agent.errors import CredentialError, UplinkError
from hil_tests.rig.ports import free_ports
from tests.helpers.site_process import SiteProcess, site_process
from tests.helpers.trust import DAY_MS, HUB, Site, serial
from zero_trust import fields, keys, tls
from zero_trust.authority import issue_server
from zero_trust.credential import Use, certificate_bytes
from zero_trust.keystore import save_certificates, save_key
from zero_trust.names import HubName
from zero_trust.voucher import parse_voucher


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteProcess]:
    """One running site for all tests here; each uses hubs of its own."""
    with site_process(tmp_path_factory.mktemp("site") / "demo") as running:
        yield running


def test_a_hub_enrols_and_both_ends_show_the_same_words(site: SiteProcess) -> None:
    """The home is the voucher's, and the operator's list shows the hub's own words."""
    identity = site.enrol("h-18")
    [listed] = [row for row in site.operator.hubs() if row["hub"] == identity.hub]

    assert (identity.site, identity.home) == ("demo", "h-18")
    assert (listed["home"], listed["words"], listed["standing"]) == ("h-18", identity.words, "enrolled")


def test_an_identity_survives_a_restart(site: SiteProcess) -> None:
    """What is loaded later is what enrolment gave."""
    directory = site.hub_directory()
    identity = enrol(site.voucher(), directory)
    loaded = load_identity(directory)

    assert (loaded.name, loaded.trust) == (identity.name, identity.trust)
    assert loaded.data_key.public_key() == identity.data_key.public_key()


def test_an_answer_that_was_lost_is_given_again(site: SiteProcess) -> None:
    """Power cut after the authority answered, before the hub kept it: the same voucher still serves."""
    directory, voucher = site.hub_directory(), site.voucher()
    first = enrol(voucher, directory)
    (directory / "credential").unlink()

    again = enrol(voucher, directory)

    assert again.name == first.name
    assert again.data_certificate == first.data_certificate
    assert enrol(voucher, directory).name == first.name  # and once enrolled, asking again is no mistake


@pytest.mark.parametrize("kept", [["identity.key"], ["identity.key", "data.key"]])
def test_enrolment_goes_on_after_a_power_cut(site: SiteProcess, kept: list[str]) -> None:
    """Keys that were made before the cut are used, whatever else is missing."""
    directory = site.hub_directory()
    made = {name: keys.generate_key() for name in kept}
    for name, key in made.items():
        save_key(directory / name, key)

    identity = enrol(site.voucher(), directory)

    assert identity.identity_key.public_key() == made["identity.key"].public_key()


def test_a_voucher_that_is_mistyped_reaches_nobody(site: SiteProcess, tmp_path: Path) -> None:
    """The hub says so by itself; nothing is asked and nothing is kept."""
    before = len(site.operator.refusals())
    for text, code in (("", "voucher-missing"), (site.voucher()[:-1], "voucher-malformed")):
        with pytest.raises(CredentialError) as refused:
            enrol(text, tmp_path / "hub")
        assert refused.value.code == code

    assert len(site.operator.refusals()) == before
    assert not (tmp_path / "hub").exists()


def test_refused_vouchers_show_at_hub_and_operator(site: SiteProcess) -> None:
    """Unknown, wrong code, used by another hub: the same code at both ends, and no hub is added."""
    good = parse_voucher(site.voucher())
    used = site.voucher()
    enrol(used, site.hub_directory())
    before = site.operator.hubs()
    cases = [
        (replace(good, id="00000000").text, "voucher-unknown"),
        (replace(good, code="00000000").text, "voucher-code-wrong"),
        (used, "voucher-used"),
    ]

    for text, code in cases:
        with pytest.raises(CredentialError) as refused:
            enrol(text, site.hub_directory())
        assert refused.value.code == site.last_refusal().code == code
        assert str(refused.value)
        assert refused.value.hint
    assert site.operator.hubs() == before


def test_five_wrong_codes_lock_the_voucher_and_a_right_one_is_told_so(site: SiteProcess) -> None:
    """The sixth attempt is refused even with the right code, under its own words."""
    voucher, directory = parse_voucher(site.voucher()), site.hub_directory()
    for _ in range(5):
        with pytest.raises(CredentialError):
            enrol(replace(voucher, code="00000000").text, directory)

    with pytest.raises(CredentialError) as refused:
        enrol(voucher.text, directory)

    assert refused.value.code == site.last_refusal().code == "voucher-locked"


def test_a_wrong_code_can_be_corrected(site: SiteProcess) -> None:
    """The same hub, the same voucher, the right code: enrolled, with the keys it had."""
    voucher, directory = parse_voucher(site.voucher()), site.hub_directory()
    with pytest.raises(CredentialError):
        enrol(replace(voucher, code="00000000").text, directory)

    assert enrol(voucher.text, directory).home == "h-17"


def test_an_enrolled_hub_takes_no_second_voucher(site: SiteProcess) -> None:
    """Refused at the hub; with credential and request lost, refused at the authority."""
    directory = site.hub_directory()
    enrol(site.voucher(), directory)
    with pytest.raises(CredentialError) as refused:
        enrol(site.voucher(), directory)
    assert refused.value.code == "identity-already-enrolled"

    for name in ("credential", "enrol-request"):
        (directory / name).unlink()
    with pytest.raises(CredentialError) as refused:
        enrol(site.voucher(), directory)

    assert refused.value.code == site.last_refusal().code == "identity-already-enrolled"


def test_a_site_that_is_not_the_vouchers_learns_nothing(site: SiteProcess, tmp_path: Path) -> None:
    """Another site behind the same address is refused before the request goes out."""
    with site_process(tmp_path / "other") as other:
        voucher = parse_voucher(site.voucher())
        astray = replace(voucher, port=other.config.ports.authority).text

        with pytest.raises(CredentialError) as refused:
            enrol(astray, site.hub_directory())

        assert refused.value.code == "root-not-believed"
        assert other.operator.refusals() == []


def test_a_hub_renews_for_72_hours_with_a_new_key_each_time(site: SiteProcess) -> None:
    """No file of the hub changes but the serial by which it names its last certificate."""
    directory = site.hub_directory()
    identity = enrol(site.voucher(), directory)
    before = {file.name: file.read_bytes() for file in directory.iterdir()}
    first, second = authority.renew(identity), authority.renew(identity)
    kept = {file.name: file.read_bytes() for file in directory.iterdir()}

    assert first.life_ms == 72 * 3_600_000
    assert first.key.public_key() != second.key.public_key()
    assert kept == before | {"tls-serial": second.serial}


def test_nobody_else_renews_for_a_hub(site: SiteProcess) -> None:
    """Another identity key under this hub's id, and an id nobody has: refused at both ends."""
    identity = site.enrol()
    stolen = replace(identity, identity_key=keys.generate_key())
    nobody = replace(identity, name=HubName("demo", "h-17", "a" * 13))

    for asked, code in ((stolen, "identity-proof-wrong"), (nobody, "hub-unknown")):
        with pytest.raises(CredentialError) as refused:
            authority.renew(asked)
        assert refused.value.code == site.last_refusal().code == code
        assert site.last_refusal().hub == asked.hub


def test_a_revoked_hub_is_told_why(site: SiteProcess) -> None:
    """No certificate any more, but its standing in words, with the operator's reason."""
    identity = site.enrol()
    assert authority.standing(identity).good

    site.operator.revoke(identity.hub, "moved house")

    with pytest.raises(CredentialError) as refused:
        authority.renew(identity)
    standing = authority.standing(identity)
    assert refused.value.code == site.last_refusal().code == standing.code == "hub-revoked"
    assert (standing.good, standing.reason) == (False, "moved house")
    assert standing.sentence


def test_a_hub_that_is_up_to_date_has_nowhere_to_walk(site: SiteProcess) -> None:
    """It asks, and goes on as before."""
    identity = site.enrol()

    assert not authority.catch_up(identity)
    assert identity.trust.version == 1


def test_an_authority_that_is_away_is_no_refusal(site: SiteProcess) -> None:
    """The hub tries again: unreachable is not the same as refused."""
    identity = replace(site.enrol(), authority_port=free_ports(1)[0])

    with pytest.raises(UplinkError) as trouble:
        authority.renew(identity)

    assert trouble.value.code == "authority-unreachable"


def test_a_hub_that_is_not_enrolled_says_what_to_do(tmp_path: Path) -> None:
    """One sentence, the command, exit code 77."""
    with pytest.raises(CredentialError, match="not enrolled") as refused:
        load_identity(tmp_path)

    assert "lum-hub enrol" in refused.value.hint
    assert refused.value.exit_code == 77


def test_a_key_that_others_can_read_is_not_used(site: SiteProcess) -> None:
    """Nor is one that was exchanged after enrolment."""
    directory = site.hub_directory()
    enrol(site.voucher(), directory)
    (directory / "data.key").chmod(0o644)
    with pytest.raises(CredentialError) as refused:
        load_identity(directory)
    assert refused.value.code == "key-readable-by-others"

    (directory / "data.key").unlink()
    save_key(directory / "data.key", keys.generate_key())
    with pytest.raises(CredentialError) as refused:
        load_identity(directory)

    assert refused.value.code == "key-unreadable"


def test_oversized_and_old_fashioned_callers_are_refused(site: SiteProcess) -> None:
    """A request beyond the limit is refused by name; TLS 1.2 is refused at the handshake."""
    identity = site.enrol()
    context = tls.pinned_context(identity.trust.roots)
    with pytest.raises(UplinkError) as refused:
        authority._ask(identity, context, "/v1/enrol", bytes(site.config.limits.request_max_bytes + 1))
    assert refused.value.code == site.last_refusal().code == "request-too-large"

    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(site.directory / "root" / "root.crt")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", site.config.ports.authority), 5) as plain,
        pytest.raises(ssl.SSLError),  # asyncio's server closes without saying why
    ):
        old.wrap_socket(plain, server_hostname="127.0.0.1")


@pytest.mark.parametrize(
    ("later_ms", "code"),
    [
        (0, "authority-unreachable"),  # believed; but it shakes hands and has nothing to say
        (401 * DAY_MS, "site-certificate-ended"),
        (-DAY_MS, "site-certificate-ended"),
    ],
)
def test_a_servers_certificate_is_judged_by_the_time_that_was_told(
    tmp_path: Path, later_ms: int, code: str
) -> None:
    """Genuine but out of its time: not a stranger. This machine's own clock has no say: the site is of 2001."""
    past = Site(now_ms=1_000_000_000_000)
    key = keys.generate_key()
    leaf = issue_server(
        past.tls,
        key.public_key(),
        service="authority",
        hosts=["127.0.0.1"],
        now_ms=past.now_ms,
        serial=serial(),
    )
    save_key(tmp_path / "https.key", key)
    save_certificates(tmp_path / "https.crt", (leaf, past.tls.certificate))
    context = tls.dated_context(past.trust, lambda: past.now_ms + later_ms)

    with _tls_listener(tls.server_context(tmp_path / "https.crt", tmp_path / "https.key")) as port:
        with pytest.raises(UplinkError) as trouble:
            https.exchange("127.0.0.1", port, context, "GET", "/v1/bundle")
        assert trouble.value.code == code


def test_a_dated_context_believes_neither_another_host_nor_another_issuer(tmp_path: Path) -> None:
    """Dates are all that OpenSSL does not look at, and all of the chain is looked at again."""
    mine, other = Site(), Site()
    key = keys.generate_key()
    leaf = issue_server(
        mine.tls, key.public_key(), service="a", hosts=["127.0.0.1"], now_ms=mine.now_ms, serial=serial()
    )
    save_key(tmp_path / "https.key", key)
    save_certificates(tmp_path / "https.crt", (leaf, mine.tls.certificate))
    served = tls.server_context(tmp_path / "https.crt", tmp_path / "https.key")

    for host, trust in (
        ("localhost", mine.trust),
        ("127.0.0.1", other.trust),
        ("127.0.0.1", replace(mine.trust, tls_authorities=mine.trust.data_authorities)),
    ):
        context = tls.dated_context(trust, lambda: mine.now_ms)
        with _tls_listener(served) as port:
            with pytest.raises(UplinkError) as trouble:
                https.exchange(host, port, context, "GET", "/v1/bundle")
            assert trouble.value.code == "certificate-untrusted"


def test_a_hub_asks_for_the_time_and_remembers_it(site: SiteProcess) -> None:
    """The floor is what was told last; it is written once an hour, and no time below it is believed."""
    then_ms = time.time_ns() // 1_000_000 - 7 * DAY_MS
    week_old = Site(now_ms=then_ms).leaf(keys.generate_key(), HUB, Use.HUB_DATA)
    identity = replace(site.enrol(), data_certificate=certificate_bytes(week_old))
    floor = identity.state_dir / "time-floor"
    first = authority.ask_time(identity)
    kept = floor.read_bytes()
    assert abs(first.now_ms() - then_ms - 7 * DAY_MS) < DAY_MS
    assert fields.unpack(kept, (int,)) == [first.at_ms]

    authority.ask_time(identity)
    assert floor.read_bytes() == kept

    ahead = fields.pack(first.at_ms + DAY_MS)
    floor.write_bytes(ahead)
    with pytest.raises(UplinkError) as refused:
        authority.ask_time(identity)
    assert (refused.value.code, floor.read_bytes()) == ("time-went-back", ahead)

    floor.write_bytes(b"damaged")
    authority.ask_time(identity)
    assert fields.unpack(floor.read_bytes(), (int,))[0] >= first.at_ms


@contextlib.contextmanager
def _tls_listener(context: ssl.SSLContext) -> Iterator[int]:
    """Shakes hands with one caller, or fails to."""

    def meet() -> None:
        caller, _ = listener.accept()
        with caller, contextlib.suppress(OSError):
            context.wrap_socket(caller, server_side=True).close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        meeting = threading.Thread(target=meet)
        meeting.start()
        yield listener.getsockname()[1]
        meeting.join()


def test_no_secret_shows_in_what_the_site_says_or_a_hub_prints(site: SiteProcess) -> None:
    """Voucher codes and keys are in no line of the processes and in no repr."""
    text = site.voucher()
    identity = enrol(text, site.hub_directory())
    credential = authority.renew(identity)
    shown = "".join(site.said) + repr(identity) + repr(credential) + repr(parse_voucher(text))

    assert parse_voucher(text).code not in shown
    for key in (identity.identity_key, identity.data_key, credential.key):
        number = key.private_numbers().private_value
        assert str(number) not in shown
        assert f"{number:x}" not in shown
