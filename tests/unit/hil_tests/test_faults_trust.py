"""Faults of certificates, credentials and receipts: for each one a case that fired and a case that did not.

Files and wires are stood in for here; ``test_certificates.py`` and ``test_forgery.py`` have the real ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hil_tests.faults import AnyFault
from hil_tests.faults.trust import (
    CredentialCloned,
    CredentialExpired,
    HubRevoked,
    ReceiptExpired,
    ReceiptForged,
    RolledOver,
    ServerExpired,
)
from tests.helpers.fault_bench import AT_ONCE, LASTING, TRUST_VERBS, Act, Case, FakeBench, played

WAITING = {"hub": "a", "waiting": 1, "disbelieved": 3, "receipts": 7}
MET = "the hub disbelieved {} messages, and believed {} receipts"


def _status(**more: Any) -> Act:
    return lambda bench: setattr(bench, "status", bench.status | more)


def _admits(count: int) -> Act:
    return lambda bench: setattr(bench, "admitted", bench.admitted + count)


FIRED = [
    Case(HubRevoked(**AT_ONCE), "Hub a is revoked.", {"answer": "Hub a is revoked."}),
    Case(
        ServerExpired(**LASTING, on="broker"),
        "a client of the broker was told: certificate has expired",
        {"told": "certificate has expired"},
    ),
    Case(
        ReceiptExpired(**LASTING),
        "the hub disbelieved 2 messages of the site",
        {"status": WAITING},
        _status(disbelieved=5),
    ),
    Case(ReceiptForged(**LASTING), MET.format(2, 0), {"status": WAITING}, _status(disbelieved=5)),
    Case(ReceiptForged(**LASTING), MET.format(0, 1), {"status": WAITING}, _status(receipts=8)),
    Case(
        CredentialExpired(**LASTING, life_s=8),
        "the hub came 1 times anew after 10 s with a certificate of 8 s",
        meanwhile=_admits(1),
    ),
    Case(
        CredentialCloned(**LASTING),
        "a second a lived meanwhile; hubs were admitted 2 times",
        {"status": WAITING, "twin": WAITING},
        _admits(2),
    ),
    Case(
        RolledOver(**AT_ONCE),
        "the site went over to bundle 3 in 2 steps; the hub believes 3",
        {"status": WAITING, "bundle": 3},
    ),
]
NOT_FIRED = [
    Case(HubRevoked(**AT_ONCE), "No hub is called so.", {"answer": "No hub is called so."}),
    Case(ServerExpired(**LASTING, on="broker"), "a client of the broker was told: nothing"),
    Case(
        ServerExpired(**LASTING, on="authority"),
        "a client of the authority was told: unable to get local issuer certificate",
        {"told": "unable to get local issuer certificate"},
    ),
    Case(ReceiptExpired(**LASTING), "the hub disbelieved 0 messages of the site", {"status": WAITING}),
    Case(ReceiptForged(**LASTING), MET.format(0, 0), {"status": WAITING}),
    Case(
        CredentialExpired(**LASTING, life_s=8),
        "the hub came 0 times anew after 10 s with a certificate of 8 s",
    ),
    Case(
        CredentialCloned(**LASTING),
        "a second hub lived meanwhile; hubs were admitted 2 times",
        {"status": WAITING},
        _admits(2),
    ),  # it said nothing
    Case(
        CredentialCloned(**LASTING),
        "a second b lived meanwhile; hubs were admitted 2 times",
        {"status": WAITING, "twin": WAITING | {"hub": "b"}},
        _admits(2),
    ),
    Case(
        CredentialCloned(**LASTING),
        "a second a lived meanwhile; hubs were admitted 1 times",
        {"status": WAITING, "twin": WAITING},
        _admits(1),
    ),  # only one of them
    Case(
        RolledOver(**AT_ONCE, times=3),
        "the site went over to bundle 4 in 3 steps; the hub believes 2",
        {"status": WAITING, "bundle": 2},
    ),
    Case(
        RolledOver(**AT_ONCE),
        "the site went over to bundle 3 in 2 steps; the hub believes 0",
        {"status": WAITING | {"hub": "another"}, "bundle": 3},
    ),  # it never said so
]


@dataclass
class Shortened:
    """A certificate that ends, and is put back."""

    file: Path
    standing: list[str]

    def put_back(self) -> None:
        """As the real one."""
        self.standing.remove(self.file.name)


@pytest.fixture(autouse=True)
def standing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of certificates that end too soon, now; nothing is really written or sent."""
    there: list[str] = []

    def shorten(file: Path, _issuer_key: Path, _end: object, _pin: Path | None = None) -> Shortened:
        there.append(file.name)
        return Shortened(file, there)

    async def say_down(*_given: object) -> None:
        """To nobody."""

    monkeypatch.setattr("hil_tests.faults.trust.shorten", shorten)
    monkeypatch.setattr("hil_tests.faults.trust.forged_receipts", lambda *_given: [])
    monkeypatch.setattr("hil_tests.faults.trust.say_down", say_down)
    return there


@pytest.mark.parametrize("case", FIRED, ids=str)
def test_a_fault_that_had_its_effect_fired(tmp_path: Path, case: Case) -> None:
    """And says by what that was seen."""
    evidence = played(case, FakeBench(directory=tmp_path, **case.bench))
    assert (evidence.fault, evidence.fired, evidence.sentence) == (case.fault.verb, True, case.says)


@pytest.mark.parametrize("case", NOT_FIRED, ids=str)
def test_a_fault_without_its_effect_did_not_fire(tmp_path: Path, case: Case) -> None:
    """What did not happen is no pass."""
    evidence = played(case, FakeBench(directory=tmp_path, **case.bench))
    assert (evidence.fault, evidence.fired, evidence.sentence) == (case.fault.verb, False, case.says)


@pytest.mark.parametrize("cases", [FIRED, NOT_FIRED])
def test_every_fault_has_a_case(cases: list[Case]) -> None:
    """A new fault must show here when it did not fire."""
    assert {case.fault.verb for case in cases} == TRUST_VERBS


@pytest.mark.parametrize("case", [one for one in FIRED if "expired" in one.fault.verb], ids=str)
def test_a_certificate_is_put_back(standing: list[str], case: Case) -> None:
    """As soon as the fault is over."""
    played(case, FakeBench(**case.bench))
    assert standing == []


@pytest.mark.parametrize(("said", "believed"), [({"receipts": 8}, 1), ({"disbelieved": 4}, 0)])
def test_a_forged_receipt_that_was_believed_is_a_fact(said: dict[str, int], believed: int) -> None:
    """By it the verdict fails the run."""
    bench = FakeBench(status=dict(WAITING))
    evidence = played(Case(ReceiptForged(**LASTING), "", meanwhile=_status(**said)), bench)
    assert evidence.facts["believed"] == believed


def test_a_certificate_must_end_within_its_fault() -> None:
    """Else nothing would have ended yet when it is asked what became of it."""
    with pytest.raises(msgspec.ValidationError, match="life_s"):
        msgspec.convert(
            {"do": "credential.expired", "at_s": 1, "for_s": 6, "life_s": 7}, AnyFault, strict=False
        )
