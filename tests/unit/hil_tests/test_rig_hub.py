"""The hub under test as the rig starts it: in what it is wrapped, and the second one on a copy of its card."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from hil_tests.equipment import HOST_NAME, Equipment
from hil_tests.faults import Fault
from hil_tests.faults.line import LineNameless, LinePartition
from hil_tests.rig.hub import Hub
from hil_tests.rig.network import ADVERTISED_HOST, SITE_HOST
from hil_tests.rig.wrapping import Wrapping
from hil_tests.scenario import Home, Scenario


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """One that was never started."""
    return Hub(tmp_path / "hub", tmp_path / "hub.log", None)


def _words(hub: Hub) -> list[str]:
    """How the next life's command line begins."""
    return list(hub.process._command[:2])


def test_what_stands_around_a_hub_stays_there_when_a_fault_of_one_life_is_over(hub: Hub) -> None:
    """A name server of its own must be there in each of them."""
    hub.live_in(Wrapping(("around",)))
    hub.wrap(Wrapping(("deadly",)))
    assert _words(hub) == ["around", "deadly"]
    hub.wrap(Wrapping())
    assert _words(hub)[0] == "around"
    assert Path(_words(hub)[1]).name == "lum-hub"


async def test_a_twin_has_the_same_card_and_no_radio(hub: Hub, tmp_path: Path) -> None:
    """Nor anything else of the first one's: two processes must not write to one place."""
    await hub.configure([], batch_age_max_s=5, commit_window_max_s=3)
    card = tmp_path / "card"
    card.mkdir()
    (card / "identity.key").write_text("secret")

    twin = await hub.twin(tmp_path / "twin", card)

    first, second = (tomllib.loads(one.config.read_text()) for one in (hub, twin))
    assert (twin.state / "identity.key").read_text() == "secret"
    assert second["outbox"] == first["outbox"]
    assert second["radio"] == {"transport": f"unix-client:{tmp_path / 'twin' / 'no-radio'}"}
    assert str(hub.directory) not in twin.config.read_text()


@pytest.mark.parametrize(
    ("faults", "host"),
    [
        ((), SITE_HOST),
        ((LinePartition(at_s=1),), ADVERTISED_HOST),
        ((LineNameless(at_s=1),), HOST_NAME),
        ((LineNameless(at_s=1), LinePartition(at_s=1)), HOST_NAME),
    ],
)
def test_a_hub_reaches_its_site_by_what_can_go_wrong(faults: tuple[Fault, ...], host: str) -> None:
    """A name only where a name server can fail."""
    assert Equipment.host_for(Scenario("Story", 1, 10, Home("home"), faults=faults)) == host  # type: ignore[arg-type]
