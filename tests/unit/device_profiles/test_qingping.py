"""What of Qingping's own adverts is believed: their header, and events that look like reports."""

from __future__ import annotations

import pytest

from device_profiles.advert import Advert, full_uuid
from device_profiles.catalogue import Catalogue, Outcome, Reason, Status
from device_profiles.encode import encode, reading
from device_profiles.errors import EncodeError

CATALOGUE = Catalogue.load()
UUID = full_uuid("fdcd")
SENDER = "58:2D:34:60:D5:CD"
ADDRESS = "cdd560342d58"  # SENDER, as a frame carries it
KEY = bytes(16)
MOTION = "0804012d0100"  # motion, and three bytes of light where they are that
CHARGED, COUNT = "020164", "0f0198"


def heard(payload: str | bytes, key: bytes | None = None, sender: str = SENDER) -> Outcome:
    """What the catalogue says of one service data payload."""
    data = payload if isinstance(payload, bytes) else bytes.fromhex(payload)
    return CATALOGUE.decode(Advert(sender, None, (), {UUID: data}, {}, -60, 1), key)


def said(outcome: Outcome) -> dict[str, object]:
    """The readings of an outcome, plainly."""
    return {one.kind: one.plain for one in outcome.readings}


@pytest.mark.parametrize(
    ("payload", "key", "status", "reason"),
    [
        ("", None, Status.REJECTED, Reason.TRUNCATED),
        (f"0812{ADDRESS[:-2]}", None, Status.REJECTED, Reason.TRUNCATED),
        (f"0812ced560342d58{CHARGED}", None, Status.REJECTED, Reason.ADDRESS_MISMATCH),
        (f"0912{ADDRESS}{CHARGED}", None, Status.NO_VALUES, Reason.OTHER_VERSION),
        (f"0812{ADDRESS}{CHARGED}", KEY, Status.REJECTED, Reason.NOT_ENCRYPTED),
        (f"0812{ADDRESS}", None, Status.NO_VALUES, None),
    ],
    ids=["empty", "header cut off", "another's address", "encrypted", "a sensor with a key", "no object"],
)
def test_a_header_can_forbid_to_read_on(
    payload: str, key: bytes | None, status: Status, reason: str | None
) -> None:
    """No value is looked for behind a header that is not this sensor's, or that there is no key to."""
    outcome = heard(payload, key)

    assert (outcome.status, outcome.reason, outcome.readings) == (status, reason, ())


def test_the_air_monitor_may_name_another_address() -> None:
    """It puts that of its Wi-Fi into its frames; for any other product that is a stranger's frame."""
    climate = "0104fd004902"

    assert said(heard(f"880e{ADDRESS}{climate}", sender="58:2D:34:60:D5:CF")) == {
        "temperature": 25.3,
        "humidity": 58.5,
    }
    assert heard(f"8801{ADDRESS}{climate}", sender="58:2D:34:60:D5:CF").reason == Reason.ADDRESS_MISMATCH


def test_a_sender_that_is_not_known_is_believed() -> None:
    """Some hosts do not tell who sent; the product is in the frame."""
    outcome = heard(f"0812{ADDRESS}{CHARGED}{COUNT}", sender="")

    assert (said(outcome), outcome.product, outcome.repeat) == ({"battery": 100}, "CGPR1", 0x98)


def test_an_event_says_that_somebody_moves_and_not_how_bright_it_is() -> None:
    """The same object: what stands behind the motion is light in a report only."""
    report, event = heard(f"0812{ADDRESS}{MOTION}"), heard(f"4812{ADDRESS}{MOTION}")

    assert said(report) == {"motion": True, "illuminance": 301}
    assert said(event) == {"motion": True}


@pytest.mark.parametrize("control", ["08", "48"], ids=["report", "event"])
def test_a_cut_frame_keeps_whole_objects_and_no_packet_id(control: str) -> None:
    """The whole copy that follows must not be dropped as a repeat of the cut one."""
    frame = f"{control}12{ADDRESS}{COUNT}{CHARGED}{MOTION}"
    whole = heard(frame)

    assert whole.repeat == 0x98
    assert whole.readings
    for length in range(0, len(frame), 2):
        cut = heard(frame[:length])
        assert cut.readings == whole.readings[: len(cut.readings)]
        assert cut.repeat is None or length == len(frame) - len(MOTION)


def test_a_simulated_sensor_reports_or_tells_an_event() -> None:
    """What only an event says is sent as one."""
    moving = reading("qingping", "motion", value=True)
    bright = reading("qingping", "illuminance", 301)

    for readings, event in (((moving,), True), ((moving, bright), False)):
        advert = encode("qingping", SENDER, readings, repeat=7)
        assert bool(advert.service_data[UUID][0] & 0x40) == event
        assert (CATALOGUE.decode(advert).readings, CATALOGUE.decode(advert).repeat) == (readings, 7)


def test_nothing_is_sent_encrypted() -> None:
    """There is no cipher to do it with."""
    with pytest.raises(EncodeError, match="qingping cannot encrypt"):
        encode("qingping", SENDER, [reading("qingping", "battery", 50)], repeat=1, key=KEY)
