"""The wiring: which pin of the ESP32 goes where (README, "Wiring")."""

import esp32
from machine import ADC, I2C, Pin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bthome import Reading

MOTION = 27
REED = 33
BUTTON = 32
BOOT = 0  # the button that ESP32 boards have
SDA = 21
SCL = 22
BATTERY = 35

_BUS_HZ = 100_000
_DIVIDER = 2  # two equal resistors between battery and pin
_EMPTY_MV = 2200  # two alkaline AA cells
_FULL_MV = 3000
_ACTIVE_LOW = (BUTTON, BOOT)


class Input:
    """A pin that says 1 when what it watches is the case."""

    def __init__(self, number: int) -> None:
        self._rests_high = number in _ACTIVE_LOW
        # The detector drives its pin; the others are contacts to ground.
        self.pin = Pin(number, Pin.IN) if number == MOTION else Pin(number, Pin.IN, Pin.PULL_UP)

    def level(self) -> int:
        """1: movement, magnet away, button pressed."""
        return self.pin.value() ^ int(self._rests_high)

    def wake(self, level: int) -> None:
        """Let the coming deep sleep end when the pin no longer says ``level``."""
        esp32.wake_on_ext0(self.pin, not (level ^ int(self._rests_high)))


INPUTS = {"motion": MOTION, "door": REED, "button": BUTTON}


def bus() -> I2C:
    """The I2C bus of the climate sensor."""
    return I2C(0, scl=Pin(SCL), sda=Pin(SDA), freq=_BUS_HZ)


def battery() -> "Reading":
    """How full the battery is, in percent between its empty and its full voltage; a rough measure."""
    adc = ADC(Pin(BATTERY), atten=ADC.ATTN_11DB)
    millivolts = adc.read_uv() // 1000 * _DIVIDER
    percent = (millivolts - _EMPTY_MV) * 100 // (_FULL_MV - _EMPTY_MV)
    return "battery", max(0, min(100, percent))
