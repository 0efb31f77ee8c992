"""What simulated sensors can sense, and what a script can let happen to them."""

from __future__ import annotations

from typing import Literal

Behaviour = Literal["climate", "motion", "door", "button", "environment", "thermometer"]
Action = Literal["move", "open", "close", "press", "measure"]

ACTIONS: dict[Behaviour, tuple[Action, ...]] = {
    "climate": (),
    "motion": ("move",),
    "door": ("open", "close"),
    "button": ("press",),
    "environment": (),  # these two must be connected to
    "thermometer": ("measure",),
}
FIRMWARE_BEHAVIOURS: tuple[Behaviour, ...] = ("motion", "door", "button", "climate")
FIRMWARE_MODEL = "bthome_v2"
