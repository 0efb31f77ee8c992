"""``esp32`` on the rig: what ends a deep sleep."""

import machine


def wake_on_ext0(pin: machine.Pin, level: bool) -> None:  # noqa: FBT001  # the chip's signature
    """End the coming deep sleep when the pin has that level."""
    machine.wake = (pin.number, int(level))
