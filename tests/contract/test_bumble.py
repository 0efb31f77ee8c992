"""Pins what our controller corrects in Bumble's, and that the pinned Bumble still needs it.

A test called ``test_stock_...`` that fails says: Bumble has mended it, delete our correction.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import TypeAlias

import pytest
from bumble import hci
from bumble.link import LocalLink

from hil_tests.rig.air import Air, Link, Pdu
from hil_tests.rig.virtual_loop import run_virtually
from tests.helpers.controllers import (
    ADV_IND,
    ADV_NONCONN_IND,
    ADV_SCAN_IND,
    CENTRAL,
    PERIPHERAL,
    PUBLIC,
    CollectingHost,
    Station,
)

Play: TypeAlias = Callable[[Station, Station], None]

DATA = bytes.fromhex("020106")
RESPONSE = bytes.fromhex("0409414243")
HCI_TIMEOUT, HCI_UNKNOWN_CONNECTION = 0x08, 0x02
TYPE = hci.HCI_LE_Extended_Advertising_Report_Event.EventType


async def _play(medium: LocalLink, play: Play, seconds: float = 1.0) -> CollectingHost:
    """Let a scanner and an advertiser act, and return what the scanner's host was told."""
    scanner = Station("hub", medium, CENTRAL)
    advertiser = Station("sensor", medium, PERIPHERAL)
    play(scanner, advertiser)
    await asyncio.sleep(seconds)
    return scanner.host


def _on_air(play: Play, seconds: float = 1.0, *, link: Link | None = None) -> CollectingHost:
    async def main() -> CollectingHost:
        return await _play(Air(1, link=link), play, seconds)

    return run_virtually(main())


def _on_stock(play: Play, seconds: float = 1.0) -> CollectingHost:
    async def main() -> CollectingHost:
        return await _play(LocalLink(), play, seconds)  # type: ignore[no-untyped-call]  # Bumble's

    return run_virtually(main())


def _advertising(kind: int, *, active: bool = False, filter_duplicates: bool = False) -> Play:
    def play(scanner: Station, advertiser: Station) -> None:
        scanner.scan(active=active, filter_duplicates=filter_duplicates)
        advertiser.advertise(kind, DATA, RESPONSE)

    return play


@pytest.mark.parametrize("kind", [ADV_NONCONN_IND, ADV_SCAN_IND])
def test_unconnectable_legacy_adverts_are_sent(kind: int) -> None:
    """A beacon that cannot be connected to is heard, and is reported as such."""
    report = _on_air(_advertising(kind)).adverts[0]
    assert report.data == DATA
    assert not report.event_type & TYPE.CONNECTABLE_ADVERTISING
    assert bool(report.event_type & TYPE.SCANNABLE_ADVERTISING) == (kind == ADV_SCAN_IND)
    assert report.event_type & TYPE.LEGACY_ADVERTISING_PDU_USED


@pytest.mark.parametrize("kind", [ADV_NONCONN_IND, ADV_SCAN_IND])
def test_stock_does_not_send_unconnectable_legacy_adverts(kind: int) -> None:
    """Stock Bumble drops such adverts without a word."""
    assert _on_stock(_advertising(kind)).adverts == []


def _advertising_extended(scanner: Station, advertiser: Station) -> None:
    scanner.scan()
    advertiser.advertise_extended(0, DATA)


def test_unconnectable_extended_adverts_are_reported_as_such() -> None:
    """An advertising set reports its own properties and set id."""
    report = _on_air(_advertising_extended).adverts[0]
    assert (report.data, report.event_type, report.advertising_sid) == (DATA, 0, 3)


def test_stock_reports_extended_adverts_as_connectable() -> None:
    """Stock Bumble says connectable of every extended advert."""
    assert _on_stock(_advertising_extended).adverts[0].event_type & TYPE.CONNECTABLE_ADVERTISING


def test_active_scan_hears_the_scan_response() -> None:
    """A name that is only in the scan response reaches an active scanner."""
    adverts = _on_air(_advertising(ADV_IND, active=True)).adverts
    answers = [report.data for report in adverts if report.event_type & TYPE.SCAN_RESPONSE]
    assert set(answers) == {RESPONSE}
    assert len(answers) == len(adverts) / 2


def test_passive_scan_asks_for_no_scan_response() -> None:
    """A passive scanner is told each advert once, and no scan response."""
    assert {report.data for report in _on_air(_advertising(ADV_IND)).adverts} == {DATA}


def test_stock_repeats_the_advert_as_scan_response() -> None:
    """Stock Bumble tells even a passive scanner everything twice, and never the scan response."""
    adverts = _on_stock(_advertising(ADV_IND)).adverts
    assert {report.data for report in adverts} == {DATA}
    assert any(report.event_type & TYPE.SCAN_RESPONSE for report in adverts)


def test_advertising_interval_is_in_units_of_0_625_ms() -> None:
    """160 units are 100 ms, and advDelay adds 0 to 10 ms: 10 s hold 91 to 100 events."""
    count = len(_on_air(_advertising(ADV_IND), 10).adverts)
    assert 91 <= count <= 100


def test_stock_takes_the_interval_for_milliseconds() -> None:
    """Stock Bumble advertises 1.6 times too slowly: 63 events, each told twice."""
    assert len(_on_stock(_advertising(ADV_IND), 10).adverts) == 2 * 63


def test_advertising_events_are_jittered() -> None:
    """No two pauses are alike, and all are within interval and interval + 10 ms."""
    heard_s: list[float] = []

    async def main() -> None:
        air = Air(1, wall=asyncio.get_running_loop().time)
        air.observe(lambda delivery: heard_s.append(delivery.at))
        await _play(air, _advertising(ADV_IND), 5)

    run_virtually(main())
    pauses_s = [later - earlier for earlier, later in itertools.pairwise(heard_s)]
    assert all(0.1 <= pause_s <= 0.110001 for pause_s in pauses_s)
    assert len(set(pauses_s)) == len(pauses_s)


def test_duplicates_are_filtered_when_asked() -> None:
    """With filter_duplicates a repeated advert is told once."""
    adverts = _on_air(_advertising(ADV_NONCONN_IND, filter_duplicates=True)).adverts
    assert [report.data for report in adverts] == [DATA]


def test_stock_ignores_filter_duplicates() -> None:
    """Stock Bumble tells every repeat."""
    assert len(_on_stock(_advertising(ADV_IND, filter_duplicates=True)).adverts) > 2


def test_signal_strength_comes_from_the_medium() -> None:
    """The link's mean and spread are what the host is told."""
    adverts = _on_air(_advertising(ADV_IND), 20, link=Link(signal_dbm=-71, sigma_db=3)).adverts
    signals_dbm = [report.rssi for report in adverts]
    assert -72 < sum(signals_dbm) / len(signals_dbm) < -70
    assert len(set(signals_dbm)) > 5


def test_stock_hears_everything_at_minus_50_dbm() -> None:
    """Stock Bumble knows one signal strength."""
    assert {report.rssi for report in _on_stock(_advertising(ADV_IND)).adverts} == {-50}


def test_legacy_reports_are_sent_to_hosts_without_extended_advertising() -> None:
    """A controller without the feature tells legacy reports, with type, data and strength in place."""

    def play(scanner: Station, advertiser: Station) -> None:
        scanner.controller.le_features &= ~hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        scanner.command(hci.HCI_LE_Set_Scan_Enable_Command(le_scan_enable=1, filter_duplicates=0))
        advertiser.advertise(ADV_SCAN_IND, DATA)

    host = _on_air(play, link=Link(signal_dbm=-40))
    report = host.events(hci.HCI_LE_Advertising_Report_Event)[0].reports[0]
    assert (report.event_type, report.data, report.rssi) == (ADV_SCAN_IND, DATA, -40)
    assert report.address == hci.Address(PERIPHERAL)


def test_directed_adverts_reach_only_their_target() -> None:
    """An advert directed at somebody else is not reported."""

    async def main() -> tuple[int, int]:
        air = Air(1)
        target, other = Station("a", air, CENTRAL), Station("b", air, "C0:00:00:00:00:0E")
        for station in (target, other):
            station.scan()
        pdu = Pdu(hci.Address(PERIPHERAL), b"", connectable=True, target=hci.Address(CENTRAL))
        air.broadcast("sensor", pdu)
        await asyncio.sleep(0.1)
        return len(target.host.adverts), len(other.host.adverts)

    assert run_virtually(main()) == (1, 0)


def _connecting_and_cancelling(scanner: Station, _advertiser: Station) -> None:
    scanner.connect(PERIPHERAL)
    scanner.command(hci.HCI_LE_Create_Connection_Cancel_Command())


def test_cancelled_connection_is_completed_with_an_error() -> None:
    """Cancel ends the pending connection, tells the host so, and a new one may be asked for."""

    def play(scanner: Station, advertiser: Station) -> None:
        _connecting_and_cancelling(scanner, advertiser)
        scanner.connect(PERIPHERAL)
        advertiser.advertise(ADV_IND, DATA)

    completions = _on_air(play).events(hci.HCI_LE_Connection_Complete_Event)
    assert [event.status for event in completions] == [HCI_UNKNOWN_CONNECTION, 0]


def test_cancelling_nothing_is_disallowed() -> None:
    """Cancel without a pending connection answers Command Disallowed."""
    host = _on_air(lambda scanner, _: scanner.command(hci.HCI_LE_Create_Connection_Cancel_Command()))
    assert host.results[-1].status == hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR


def test_stock_never_completes_a_cancelled_connection() -> None:
    """With stock Bumble a host waits for ever after cancelling."""
    host = _on_stock(_connecting_and_cancelling)
    assert host.events(hci.HCI_LE_Connection_Complete_Event) == []


async def _connected(medium: LocalLink, *, public: bool = False) -> tuple[Station, Station]:
    central = Station("hub", medium, CENTRAL, PUBLIC)
    peripheral = Station("sensor", medium, PERIPHERAL)
    peripheral.advertise(ADV_IND, DATA)
    central.connect(PERIPHERAL, public=public)
    await asyncio.sleep(1)
    return central, peripheral


def _endings(station: Station) -> list[int]:
    return [event.reason for event in station.host.events(hci.HCI_Disconnection_Complete_Event)]


def _taken_by_nobody(scanner: Station, advertiser: Station) -> None:
    """Ask for a connection to a station that ceases to advertise before it could take it."""
    scanner.connect(PERIPHERAL)
    advertiser.advertise(ADV_IND, DATA)
    advertiser.controller.on_le_connect_ind = lambda packet: None  # type: ignore[method-assign]  # noqa: ARG005


def test_a_connection_that_nobody_takes_fails_to_be_established() -> None:
    """The host is told that it stands, as the specification has it, and 6 intervals later that it does not."""
    host = _on_air(_taken_by_nobody)
    (made,) = host.events(hci.HCI_LE_Connection_Complete_Event)
    (ended,) = host.events(hci.HCI_Disconnection_Complete_Event)
    assert (made.status, ended.reason) == (0, hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR)


def test_stock_believes_in_a_connection_that_nobody_took() -> None:
    """With stock Bumble such a connection stands for ever."""
    assert _on_stock(_taken_by_nobody, 60).events(hci.HCI_Disconnection_Complete_Event) == []


def test_a_cut_link_dies_of_supervision_timeout_on_both_sides() -> None:
    """Both hosts are told, after the timeout that the central asked for and not before."""

    async def main() -> list[list[int]]:
        air = Air(1)
        central, peripheral = await _connected(air)
        air.cut("hub", "sensor")
        await asyncio.sleep(0.71)
        before = _endings(central) + _endings(peripheral)
        await asyncio.sleep(0.02)
        return [before, _endings(central), _endings(peripheral)]

    assert run_virtually(main()) == [[], [HCI_TIMEOUT], [HCI_TIMEOUT]]


def test_a_link_healed_in_time_lives() -> None:
    """A partition shorter than the supervision timeout costs nothing but the data in it."""

    async def main() -> tuple[list[int], list[bytes]]:
        air = Air(1)
        central, peripheral = await _connected(air)
        air.cut("hub", "sensor")
        central.say(b"lost")
        await asyncio.sleep(0.5)
        air.heal("hub", "sensor")
        central.say(b"kept")
        await asyncio.sleep(2)
        return _endings(central), peripheral.heard

    assert run_virtually(main()) == ([], [b"kept"])


def test_a_controller_that_vanishes_is_missed_by_its_peer() -> None:
    """When a hub is killed, the sensor's host is told after the supervision timeout."""

    async def main() -> list[int]:
        air = Air(1)
        central, peripheral = await _connected(air)
        air.remove_controller(central.controller)
        await asyncio.sleep(0.8)
        return _endings(peripheral)

    assert run_virtually(main()) == [HCI_TIMEOUT]


def test_each_connection_has_its_own_supervision_timeout() -> None:
    """A timeout asked for with the extended command holds, too."""

    async def main() -> list[list[int]]:
        air = Air(1)
        central, peripheral = Station("hub", air, CENTRAL), Station("sensor", air, PERIPHERAL)
        peripheral.advertise(ADV_IND, DATA)
        central.connect_extended(PERIPHERAL, supervision=300)
        await asyncio.sleep(1)
        air.cut("hub", "sensor")
        await asyncio.sleep(2.9)
        before = _endings(central)
        await asyncio.sleep(0.2)
        return [before, _endings(central)]

    assert run_virtually(main()) == [[], [HCI_TIMEOUT]]


def test_stock_has_no_supervision_timeout() -> None:
    """With stock Bumble a vanished peer is never missed."""

    async def main() -> list[int]:
        link = LocalLink()  # type: ignore[no-untyped-call]  # Bumble's
        central, peripheral = await _connected(link)
        link.remove_controller(central.controller)
        await asyncio.sleep(60)
        return _endings(peripheral)

    assert run_virtually(main()) == []


def test_data_is_sent_under_the_connections_own_address() -> None:
    """A host that connected with its public address is heard and answered."""

    async def main() -> list[list[bytes]]:
        central, peripheral = await _connected(Air(1), public=True)
        central.say(b"ask")
        peripheral.say(b"answer")
        await asyncio.sleep(0.1)
        return [peripheral.heard, central.heard]

    assert run_virtually(main()) == [[b"ask"], [b"answer"]]


def test_stock_sends_data_under_the_random_address() -> None:
    """With stock Bumble a host that connected with its public address is never heard."""

    async def main(*, public: bool) -> list[bytes]:
        link = LocalLink()  # type: ignore[no-untyped-call]  # Bumble's
        central, peripheral = await _connected(link, public=public)
        central.say(b"ask")
        await asyncio.sleep(0.1)
        return peripheral.heard

    assert run_virtually(main(public=False)) == [b"ask"]
    assert run_virtually(main(public=True)) == []


def _scanning_then_reset(scanner: Station, advertiser: Station) -> None:
    scanner.scan()
    scanner.command(hci.HCI_Reset_Command())
    advertiser.advertise(ADV_IND, DATA)


def test_reset_ends_the_scan() -> None:
    """After a reset nothing is reported until the host scans again."""
    assert _on_air(_scanning_then_reset).adverts == []


def test_stock_goes_on_scanning_after_reset() -> None:
    """Stock Bumble's reset resets nothing."""
    assert _on_stock(_scanning_then_reset).adverts != []


def test_random_numbers_follow_the_seed() -> None:
    """LE Rand repeats with the seed and differs with another."""

    def drawn(seed: int) -> bytes:
        async def main() -> bytes:
            station = Station("hub", Air(seed), CENTRAL)
            station.command(hci.HCI_LE_Rand_Command())
            await asyncio.sleep(0.1)
            return bytes(station.host.results[-1].random_number)

        return run_virtually(main())

    assert drawn(1) == drawn(1) != drawn(2)
