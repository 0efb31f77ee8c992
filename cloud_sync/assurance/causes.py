"""Why a sensor or a home is in its state, in words, and who can mend it."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Cause(enum.Enum):
    """What decided a verdict."""

    PROVEN = "proven"
    EVENT_ONLY = "event-only"
    NEVER_HEARD = "never-heard"
    SENSOR_SILENT = "sensor-silent"
    UNCONFIRMED = "unconfirmed"
    RADIO_DEAF = "radio-deaf"
    HUB_SILENT = "hub-silent"
    HUB_UNKNOWN = "hub-unknown"
    HUB_REVOKED = "hub-revoked"
    HUB_HELD = "hub-held"
    NOBODY_SINCE = "nobody-since"
    NOT_JUDGED = "not-judged"
    WATCH_SILENT = "watch-silent"
    NO_SENSORS = "no-sensors"
    LEFT_OUT = "left-out"
    PAUSED = "paused"
    AFTER_PAUSE = "after-pause"
    NOT_AGREED = "not-agreed"
    AGREEMENT_ENDED = "agreement-ended"
    MIXED = "mixed"


class Who(enum.Enum):
    """Who can mend it."""

    NOBODY = "nobody"  # nothing is broken
    HOME = "home"  # somebody in the home
    INSTALLER = "installer"
    OPERATOR = "operator"  # the people who run the service


@dataclass(frozen=True, slots=True)
class Words:
    """One sentence why, and one what can be done; empty if nothing need be.

    ``of_some`` is the sentence where no sensor is named; empty: the same.
    """

    why: str
    who: Who
    remedy: str
    of_some: str = ""

    @property
    def of_home(self) -> str:
        """Why, said of a question or a whole home."""
        return self.of_some or self.why


def words(cause: Cause) -> Words:
    """What to tell people about ``cause``."""
    return _WORDS[cause]


_WORDS = {
    Cause.PROVEN: Words("It shows regularly that it is there.", Who.NOBODY, ""),
    Cause.EVENT_ONLY: Words(
        "It speaks only when something happens, so its silence tells us nothing.",
        Who.INSTALLER,
        "The installer can fit a sensor that also reports regularly.",
        "Sensors here speak only when something happens, so their silence tells us nothing.",
    ),
    Cause.NEVER_HEARD: Words(
        "We have not heard it yet.",
        Who.INSTALLER,
        "The installer can check that it is switched on and near enough to the hub.",
        "We have not heard a sensor of this home yet.",
    ),
    Cause.SENSOR_SILENT: Words(
        "It no longer reports as it should.",
        Who.HOME,
        "Somebody in the home can check its battery and that it is in its place.",
        "A sensor no longer reports as it should.",
    ),
    Cause.UNCONFIRMED: Words(
        "The hub has not confirmed lately that it hears this sensor.",
        Who.OPERATOR,
        "This can mend itself within minutes; otherwise the people who run this service look into it.",
        "The hub has not confirmed lately that it hears a sensor.",
    ),
    Cause.RADIO_DEAF: Words(
        "The hub is there, but its radio hears nothing.",
        Who.HOME,
        "Somebody in the home can unplug the hub, wait ten seconds and plug it in again.",
    ),
    Cause.HUB_SILENT: Words(
        "We hear nothing from the hub in the home.",
        Who.HOME,
        "Somebody in the home can check that the hub has power and that the internet works there.",
    ),
    Cause.HUB_UNKNOWN: Words(
        "No hub that we know looks after it.",
        Who.OPERATOR,
        "The people who run this service must set up the hub.",
        "No hub that we know looks after a sensor of this home.",
    ),
    Cause.HUB_REVOKED: Words(
        "This hub was withdrawn, so we believe nothing it says.",
        Who.OPERATOR,
        "The people who run this service must set up a new hub.",
    ),
    Cause.HUB_HELD: Words(
        "The hub waits until we have confirmed that it is the right one; what it reports is kept.",
        Who.OPERATOR,
        "The people who run this service must confirm it; they may call the home.",
    ),
    Cause.NOBODY_SINCE: Words(
        "We see again, but have seen nobody since we could not; somebody may have gone out, or be in need.",
        Who.HOME,
        "Ring or visit, if nobody is known to be out; the first movement ends it.",
    ),
    Cause.NOT_JUDGED: Words(
        "We have not looked at it yet.",
        Who.OPERATOR,
        "This should take a few seconds; otherwise the people who run this service must mend it.",
        "We have not looked yet.",
    ),
    Cause.WATCH_SILENT: Words(
        "Our own watch has stopped looking at the homes.",
        Who.OPERATOR,
        "The people who run this service must mend it; nobody in the home can.",
    ),
    Cause.NO_SENSORS: Words(
        "We know of no sensor in this home yet.",
        Who.INSTALLER,
        "The installer can set up the hub and its sensors.",
    ),
    Cause.LEFT_OUT: Words(
        "The hub leaves it out: a pause was asked for, or nobody has agreed to it.",
        Who.HOME,
        "It ends by itself; the people of the home can end it sooner.",
    ),
    Cause.PAUSED: Words(
        "A pause was asked for; what only this question needs is not recorded meanwhile.",
        Who.HOME,
        "It ends by itself; the people of the home can end it sooner.",
    ),
    Cause.AFTER_PAUSE: Words(
        "The pause is over; we go by what we see from the first movement on.",
        Who.HOME,
        "The first movement ends it. If none comes for long, we say so.",
    ),
    Cause.NOT_AGREED: Words(
        "Nobody has agreed to it yet, so we do not ask.",
        Who.HOME,
        "The resident, or who may decide for her, can agree; the people who run this service write it down.",
    ),
    Cause.AGREEMENT_ENDED: Words(
        "What was agreed has ended, so we do not ask any more.",
        Who.HOME,
        "The resident, or who may decide for her, can agree anew; the people who run this service write it down.",
    ),
    Cause.MIXED: Words(
        "There is more than one reason.",
        Who.NOBODY,
        "Each sensor below says what can be done about it.",
    ),
}
