"""The medium and the socket's end of it."""

from __future__ import annotations

import asyncio

from bumble import hci

from hil_tests.rig.air import Air, Delivery, Link, Pdu
from hil_tests.rig.controller import DUPLICATES_MAX, VirtualController
from hil_tests.rig.virtual_loop import run_virtually
from tests.helpers.controllers import CENTRAL, CollectingHost, Station

BEACON = "C0:00:00:00:00:01"
OTHER = "C0:00:00:00:00:02"


def _pdu(number: int, address: str = BEACON) -> Pdu:
    return Pdu(hci.Address(address), number.to_bytes(2, "little"))


def _broadcast(air: Air, count: int, *sources: str) -> list[Delivery]:
    """Send ``count`` adverts from each source to a scanning hub; return the deliveries."""
    delivered: list[Delivery] = []

    async def main() -> None:
        air.observe(delivered.append)
        hub = Station("hub", air, CENTRAL)
        hub.scan()
        for number in range(count):
            for source in sources:
                air.broadcast(source, _pdu(number, source))
        await asyncio.sleep(0.1)
        assert [report.data for report in hub.host.adverts] == [one.data for one in delivered]

    run_virtually(main())
    return delivered


def test_a_perfect_link_delivers_everything_as_sent() -> None:
    """Without loss each advert is handed over once, and observers learn the same as the host."""
    air = Air(1, wall=lambda: 12.5)
    delivered = _broadcast(air, 50, BEACON)
    assert [one.data for one in delivered] == [_pdu(n).data for n in range(50)]
    assert delivered[0] == Delivery(12.5, BEACON, b"\0\0", -60, "hub")
    assert (air.counts.sent, air.counts.delivered, air.counts.lost) == (50, 50, 0)


def test_loss_is_of_the_link_and_of_the_seed() -> None:
    """A lossy link loses its part, the same adverts on every run, others under another seed."""

    def heard(seed: int) -> list[bytes]:
        air = Air(seed)
        air.arrange(BEACON, "hub", Link(loss=0.3))
        return [one.data for one in _broadcast(air, 1000, BEACON)]

    assert 650 <= len(heard(1)) <= 750
    assert heard(1) == heard(1) != heard(2)


def test_links_draw_from_streams_of_their_own() -> None:
    """A second lossy beacon does not change what the first one loses."""

    def heard(*sources: str) -> list[bytes]:
        air = Air(1, link=Link(loss=0.3))
        return [one.data for one in _broadcast(air, 200, *sources) if one.address == BEACON]

    assert heard(BEACON) == heard(BEACON, OTHER)


def test_a_cut_link_delivers_nothing_until_healed() -> None:
    """A partition silences one beacon and no other; healing brings back the link as it was."""
    air = Air(1)
    air.arrange(BEACON, "hub", Link(signal_dbm=-80))
    air.cut(BEACON, "hub")
    assert {one.address for one in _broadcast(air, 5, BEACON, OTHER)} == {OTHER}
    air.heal(BEACON, "hub")
    assert air.link_between("hub", BEACON) == Link(signal_dbm=-80)


def test_signal_strength_stays_within_what_hci_can_say() -> None:
    """However wild the spread, a report holds -127 to 20 dBm."""
    air = Air(1, link=Link(signal_dbm=-120, sigma_db=30))
    signals_dbm = [one.signal_dbm for one in _broadcast(air, 300, BEACON)]
    assert min(signals_dbm) == -127
    assert max(signals_dbm) <= 20


def test_who_does_not_listen_costs_and_hears_nothing() -> None:
    """Only a scanning controller is given adverts; the others do not even count as lost."""

    async def main() -> None:
        air = Air(1)
        idle = Station("hub", air, CENTRAL)
        air.broadcast(BEACON, _pdu(1))
        await asyncio.sleep(0.1)
        assert idle.host.packets == []
        assert (air.counts.sent, air.counts.delivered, air.counts.lost) == (1, 0, 0)

    run_virtually(main())


def test_a_host_that_does_not_read_is_given_nothing_and_nothing_is_claimed() -> None:
    """Adverts dropped before a frozen host are counted, and no observer is told of a delivery."""

    async def main() -> None:
        air, delivered = Air(1), list[Delivery]()
        air.observe(delivered.append)
        hub = VirtualController("hub", air, host_sink=CollectingHost(), congested=lambda: True)
        hub.le_scan_enable = True
        air.broadcast(BEACON, _pdu(1))
        assert delivered == []
        assert air.counts.not_taken == 1

    run_virtually(main())


def test_the_table_of_duplicates_is_bounded() -> None:
    """A filter that has seen more than it can hold forgets, instead of growing."""

    async def main() -> None:
        air = Air(1)
        hub = Station("hub", air, CENTRAL)
        hub.scan(filter_duplicates=True)
        for number in range(DUPLICATES_MAX * 3):
            air.broadcast(BEACON, _pdu(number))
        await asyncio.sleep(0.1)
        assert len(hub.host.adverts) == DUPLICATES_MAX * 3
        assert len(hub.virtual._reported) <= DUPLICATES_MAX

    run_virtually(main())


def test_two_hubs_hear_the_same_sensor_each_in_its_own_way() -> None:
    """A near hub and a far hub each have their own link to one beacon."""

    async def main() -> None:
        air, delivered = Air(1), list[Delivery]()
        air.observe(delivered.append)
        air.arrange(BEACON, "far", Link(signal_dbm=-90, loss=0.7))
        for name, address in (("near", CENTRAL), ("far", "C0:00:00:00:00:0E")):
            Station(name, air, address).scan()
        for number in range(200):
            air.broadcast(BEACON, _pdu(number))
        heard = {name: [d for d in delivered if d.listener == name] for name in ("near", "far")}
        assert len(heard["near"]) == 200
        assert 30 < len(heard["far"]) < 90
        assert {one.signal_dbm for one in heard["far"]} == {-90}

    run_virtually(main())
