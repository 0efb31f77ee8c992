"""What an incident is called, without telling more than that it is there. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cloud_sync.assurance.plan import Question

BLIND: Final = "blind"
TITLES: Final[Mapping[str, str]] = {
    Question.HELP.value: "Help was asked for",
    Question.HAZARD.value: "A warner of smoke, gas or water went off",
    Question.UP.value: "Not up by the usual time",
    Question.MOVING.value: "Still for unusually long",
    Question.OUT.value: "Out for unusually long",
    Question.WARM.value: "Too cold",
    Question.DOOR.value: "A way out was used at night, or stands open",
    Question.WANDERING.value: "Walking about at night",
    BLIND: "We cannot see this home",
    "consent": "What was agreed",
    "pause": "A pause",
}
