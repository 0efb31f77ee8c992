"""The hub's radio visits sensors over a real socket to the virtual air: what they tell, and how they fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from bumble import att, core

from edge_agent.adapters.radio import Visit
from hil_tests.rig.gatt_sensors import (
    BATTERY_LEVEL,
    BODY_TEMPERATURE,
    ENVIRONMENTAL_SENSING,
    HUMIDITY,
    TEMPERATURE,
    Fault,
    GattSensor,
    body_temperature,
    humidity,
    temperature,
)
from tests.helpers.controllers import ADV_IND, Station
from tests.helpers.visit_bench import (
    FEVER,
    HEART_RATE,
    PULSE,
    ROOM,
    ROOM_TELLS,
    VisitBench,
    fever,
    in_virtual_time,
    pulse,
    room,
    until,
)

UNKNOWN = "0f0e0d0c-0b0a-0908-0706-050403020100"


@in_virtual_time
async def test_a_sensor_is_read(bench: VisitBench) -> None:
    """Values come in the order asked for, as the sensor says it told them, and the hub leaves."""
    await bench.visit(room())
    assert bench.told == ROOM_TELLS
    assert bench.reported == [(ROOM, uuid, value) for uuid, value in ROOM_TELLS]
    await bench.is_well()
    assert bench.room.connections == 2


@in_virtual_time
async def test_a_sensor_that_has_something_to_tell_is_heard_out(bench: VisitBench) -> None:
    """A shy sensor shows itself, indicates, is asked for its battery and hangs up, which ends the visit."""
    await bench.fever.start()
    bench.fever.set(BODY_TEMPERATURE, body_temperature(38.25))
    await until(lambda: any(advert.address == FEVER for advert in bench.heard))
    began_s = asyncio.get_running_loop().time()
    await bench.visit(fever())
    assert asyncio.get_running_loop().time() - began_s < 5
    assert sorted(bench.told) == sorted(
        [(BODY_TEMPERATURE, body_temperature(38.25)), (BATTERY_LEVEL, b"\x50")]
    )
    assert sorted(bench.reported) == sorted((FEVER, uuid, value) for uuid, value in bench.told)
    await until(lambda: not bench.controller.le_connections)
    await bench.is_well()


@in_virtual_time
async def test_a_shy_sensor_is_silent_until_it_has_something_again(bench: VisitBench) -> None:
    """After it has told everything it is not heard; the next value brings it back for another visit."""
    await bench.fever.start()
    for celsius in (37.0, 38.5):
        bench.heard.clear()
        await asyncio.sleep(5)
        assert all(advert.address != FEVER for advert in bench.heard)
        bench.fever.set(BODY_TEMPERATURE, body_temperature(celsius))
        await until(lambda: any(advert.address == FEVER for advert in bench.heard))
        await bench.visit(fever())
        await until(lambda: not bench.controller.le_connections)
    values = [value for uuid, value in bench.told if uuid == BODY_TEMPERATURE]
    assert values == [body_temperature(37.0), body_temperature(38.5)]


@in_virtual_time
async def test_a_stay_ends_in_time(bench: VisitBench) -> None:
    """Who notifies on and on is left when the stay is over, and adverts of others are heard meanwhile."""
    await bench.bring(bench.pulse)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for second in range(1, 20):
        loop.call_later(second, bench.pulse.set, HEART_RATE, bytes((0, 60 + second)))
    bench.heard.clear()
    await bench.visit(pulse(stay_s=10.5))
    assert 10.5 <= loop.time() - began_s < 12
    assert bench.told == [(HEART_RATE, bytes((0, 60 + second))) for second in range(1, len(bench.told) + 1)]
    assert len(bench.told) in {10, 11}
    assert len([advert for advert in bench.heard if advert.address == ROOM]) >= 19, "every half second"
    await bench.is_well()


@in_virtual_time
async def test_a_stay_of_no_time_ends_once_all_is_read(bench: VisitBench) -> None:
    """With ``stay_s`` 0 the hub leaves at once, subscribed or not."""
    await bench.bring(bench.pulse)
    bench.pulse.set(TEMPERATURE, temperature(36.6))
    await bench.visit(Visit(PULSE, (TEMPERATURE,), (HEART_RATE,), 0.0, 10.0))
    assert bench.told == [(TEMPERATURE, temperature(36.6))]
    await bench.is_well()


@in_virtual_time
async def test_visits_wait_for_each_other(bench: VisitBench) -> None:
    """Two visits asked for at once are made one after the other."""
    await bench.bring(bench.pulse)
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, len(bench.controller.le_connections))
            await asyncio.sleep(0.001)

    watching = asyncio.create_task(watch())
    await asyncio.gather(bench.visit(pulse(stay_s=1)), bench.visit(room()), bench.visit(room()))
    watching.cancel()
    assert most == 1
    assert bench.told == ROOM_TELLS * 2


@in_virtual_time
async def test_a_sensor_that_shows_itself_no_more_is_given_up_in_time(bench: VisitBench) -> None:
    """Connecting takes no longer than it may, and is then taken back from the controller."""
    bench.room.stop()
    began_s = asyncio.get_running_loop().time()
    error = await bench.refused(room(connect_s=5.0))
    assert str(error) == f"The sensor {ROOM} could not be connected to within 5 s."
    assert error.hint
    assert error.code == "visit-failed"
    assert asyncio.get_running_loop().time() - began_s == pytest.approx(5, abs=0.1)
    await bench.room.start()
    await bench.is_well()


@in_virtual_time
async def test_a_sensor_that_was_never_heard_is_not_waited_for(bench: VisitBench) -> None:
    """Without an advert nobody knows what kind of address it has."""
    assert "has not been heard" in str(await bench.refused(pulse(stay_s=1)))
    await bench.is_well()


@in_virtual_time
async def test_a_sensor_that_goes_out_of_reach_is_missed(bench: VisitBench) -> None:
    """The answer that is not on the way any more is not told, nor reported, and the error says what happened."""
    bench.on_read = lambda: bench.air.cut("hub", ROOM)
    error = await bench.refused(room(read=(HUMIDITY, TEMPERATURE, BATTERY_LEVEL)))
    assert str(error) == f"The sensor {ROOM} hung up before it had told everything."
    assert bench.told == [(HUMIDITY, humidity(44.4))]
    assert bench.reported == [(ROOM, HUMIDITY, humidity(44.4))]
    bench.on_read = lambda: None
    bench.air.heal("hub", ROOM)
    await bench.is_well()


@in_virtual_time
async def test_a_sensor_that_loses_power_is_missed(bench: VisitBench) -> None:
    """With its battery out in the middle of a visit it hangs up without a word; a new one brings it back."""
    bench.on_read = bench.room.stop
    error = await bench.refused(room(read=(HUMIDITY, TEMPERATURE, BATTERY_LEVEL)))
    assert "hung up before it had told everything" in str(error)
    assert bench.told == [(HUMIDITY, humidity(44.4))]
    bench.on_read = lambda: None
    await bench.room.start()
    await bench.is_well()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault.REFUSES, "could not be connected to: it hung up"),
        (Fault.HANGS_UP, "could not be connected to: it hung up"),
        (Fault.SILENT, "could not be connected to within 10 s"),
        (Fault.UNPAIRED, "tells nothing to a hub that it is not paired with"),
    ],
)
def test_a_faulty_sensor_is_named_with_its_fault(tmp_path: Path, fault: Fault, words: str) -> None:
    """Each way to fail has its sentence and a hint; once mended, the sensor is read."""

    @in_virtual_time
    async def story(bench: VisitBench) -> None:
        bench.room.fail(fault)
        error = await bench.refused(room())
        assert str(error) == f"The sensor {ROOM} {words}."
        assert error.hint
        assert (bench.told, bench.reported) == ([], [])
        bench.room.fail(None)
        await bench.is_well()

    story(tmp_path)


@in_virtual_time
async def test_a_subscription_may_need_pairing_too(bench: VisitBench) -> None:
    """A sensor that lets itself be asked but not be subscribed to is named with its fault."""
    await bench.bring(bench.pulse)
    bench.pulse.fail(Fault.UNPAIRED)
    assert "not paired" in str(await bench.refused(pulse(stay_s=60)))
    await bench.is_well()


@in_virtual_time
async def test_what_a_sensor_lacks_is_left_out(bench: VisitBench) -> None:
    """Of what is wanted, what is there is read; what cannot be subscribed to counts as lacking."""
    await bench.visit(Visit(ROOM, (UNKNOWN, HUMIDITY), (TEMPERATURE, HEART_RATE), 60.0, 10.0))
    assert bench.told == [(HUMIDITY, humidity(44.4))]


@in_virtual_time
async def test_a_sensor_that_lacks_everything_is_an_error(bench: VisitBench) -> None:
    """With nothing to read or to subscribe to, the model is likely the wrong one."""
    error = await bench.refused(Visit(ROOM, (UNKNOWN,), (TEMPERATURE,), 60.0, 10.0))
    assert "has nothing of what is wanted" in str(error)
    assert UNKNOWN in str(error)
    await bench.is_well()


@in_virtual_time
async def test_a_fault_of_the_taker_is_not_swallowed(bench: VisitBench) -> None:
    """If handing over fails, the visit ends with that very error, for what is read and what is notified."""

    def refuse(_uuid: str, _value: bytes) -> None:
        raise LookupError("no place")

    with pytest.raises(LookupError):
        await bench.radio.visit(room(), refuse)
    await bench.bring(bench.pulse)
    bench.pulse.set(HEART_RATE, b"\x00\x3c")
    with pytest.raises(LookupError):
        await bench.radio.visit(pulse(stay_s=60), refuse)
    await bench.is_well()


@in_virtual_time
async def test_a_sensor_that_falls_silent_is_given_up(bench: VisitBench) -> None:
    """Whether it answers no more when asked what it has or when read, half a minute is enough."""
    bench.room.fail(Fault.SILENT)
    error = await bench.refused(room(connect_s=600))
    assert str(error) == f"The sensor {ROOM} could not be connected to: it gives no answer."
    bench.room.fail(None)
    bench.on_read = lambda: bench.room.fail(Fault.SILENT)
    began_s = asyncio.get_running_loop().time()
    error = await bench.refused(room())
    assert str(error) == f"The sensor {ROOM} could not be read: it gives no answer."
    assert asyncio.get_running_loop().time() - began_s < 35
    assert bench.told == ROOM_TELLS[:1]
    bench.room.fail(None)
    bench.on_read = lambda: None
    await bench.is_well()


@pytest.mark.parametrize(("code", "words"), [(0x02, "Read Not Permitted"), (0x81, "Error 0x81")])
def test_a_refused_value_is_named(tmp_path: Path, code: int, words: str) -> None:
    """Codes of the specification and the maker's own end in a sentence with the value's name."""

    @in_virtual_time
    async def story(bench: VisitBench) -> None:
        def refuse() -> None:
            raise att.ATT_Error(code)

        bench.on_read = refuse
        error = await bench.refused(room())
        assert "refuses Temperature" in str(error)
        assert words in str(error)

    story(tmp_path)


@asynccontextmanager
async def rude(bench: VisitBench) -> AsyncIterator[Station]:
    """Put a sensor on the air that answers only what the test has it say; the hub is visiting it."""
    station = Station(PULSE, bench.air, PULSE)
    station.advertise(ADV_IND, bytes.fromhex("0303 0d18"))
    await until(lambda: any(advert.address == PULSE for advert in bench.heard))
    visit = asyncio.create_task(bench.refused(pulse(stay_s=1)))
    await until(lambda: bool(station.heard))
    try:
        yield station
    finally:
        await visit
        station.virtual.stop()
        bench.air.remove_controller(station.controller)


@in_virtual_time
async def test_what_a_sensor_asks_is_answered(bench: VisitBench) -> None:
    """Its wish for a slower connection, for pairing or to read from the hub is turned down, not left open."""
    async with rude(bench) as sensor:
        sensor.say(bytes.fromhex("12 07 0800 0600 0c00 0000 c800"), channel=5)
        sensor.say(bytes.fromhex("0b 01"), channel=6)
        sensor.say(bytes.fromhex("0a 0300"))
        await until(lambda: len(sensor.heard) >= 4)
        assert sensor.heard[1:] == [
            bytes.fromhex("13 07 0200 0100"),
            bytes.fromhex("05 05"),
            bytes.fromhex("01 0a 0000 06"),
        ]
    await bench.is_well()


@in_virtual_time
async def test_nonsense_from_a_sensor_ends_only_its_visit(bench: VisitBench) -> None:
    """Malformed PDUs on every channel are passed over, and a senseless answer ends the visit in words."""
    async with rude(bench) as sensor:
        for channel in (4, 5, 6, 77):
            for nonsense in (b"", b"\x03", b"\x12", b"\x0b", b"\xff" * 9):
                sensor.say(nonsense, channel=channel)
        sensor.say(bytes.fromhex("01 02 0000 06"))  # it does not know the MTU request
        await until(lambda: sensor.heard[-1][0] == 0x10)
        sensor.say(bytes.fromhex("11 05 0100 0200 ff"))  # a service with a UUID of one byte
        await until(lambda: not sensor.controller.le_connections)
    await bench.is_well()


@in_virtual_time
async def test_made_up_uuids_are_not_kept(bench: VisitBench) -> None:
    """A sensor that shows other UUIDs at each visit fills no memory."""
    for number in range(3):
        service, characteristic = (f"{number:08x}-{kind:04x}-0908-0706-050403020100" for kind in range(2))
        liar = GattSensor(
            bench.air, "Liar", PULSE, (ENVIRONMENTAL_SENSING,), {service: {characteristic: lambda: b"\x01"}}
        )
        bench.heard.clear()
        await bench.bring(liar)
        await bench.visit(Visit(PULSE, (characteristic,), (), 0, 10))
        assert bench.told.pop() == (characteristic, b"\x01")
        assert core.UUID(characteristic) not in core.UUID.UUIDS
        liar.stop()
        await asyncio.sleep(2)
