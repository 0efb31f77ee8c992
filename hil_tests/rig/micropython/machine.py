"""``machine`` on the rig: pins, ADC and I2C are the rig's; a reset or deep sleep ends the process."""

import sys
from binascii import hexlify, unhexlify

import rig

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
PIN_WAKE, TIMER_WAKE = 2, 4

wake: "tuple | None" = None  # pin and level that end the coming deep sleep; set by ``esp32``
_levels = {int(pin): level for pin, level in rig.boot["levels"].items()}
_rtc = unhexlify(rig.boot["rtc"])


def _changed(event: dict) -> None:
    _levels[event["pin"]] = event["level"]


rig.listen("pin", _changed)


def reset_cause() -> int:
    """Why the firmware runs."""
    return rig.boot["cause"]


def wake_reason() -> int:
    """What ended the deep sleep."""
    return rig.boot["reason"]


def reset() -> None:
    """Start anew; RTC memory stays."""
    rig.tell("reset", rtc=hexlify(_rtc).decode())
    sys.exit(0)


def deepsleep(ms: int) -> None:
    """Off but for RTC memory, timer and wake pin."""
    rig.tell("deepsleep", ms=ms, wake=wake, rtc=hexlify(_rtc).decode())
    sys.exit(0)


class RTC:
    """Memory that outlives a deep sleep."""

    def memory(self, data: "bytes | None" = None) -> "bytes | None":
        """Read or replace it."""
        global _rtc  # noqa: PLW0603  # it is the chip's, not an object's
        if data is None:
            return _rtc
        _rtc = bytes(data)
        return None


class Pin:
    """A pin whose level the rig says."""

    IN, OUT, PULL_UP = 0, 1, 2

    def __init__(self, number: int, mode: int = IN, pull: "int | None" = None) -> None:
        self.number = number
        self.mode = mode
        self.pull = pull

    def value(self) -> int:
        """Its level now; what nobody drives rests at its pull-up."""
        return _levels.get(self.number, 1 if self.pull == Pin.PULL_UP else 0)


class ADC:
    """A voltage that the rig says."""

    ATTN_11DB = 3

    def __init__(self, pin: Pin, atten: int) -> None:
        self.pin = pin
        self.atten = atten

    def read_uv(self) -> int:
        """Microvolts."""
        return rig.ask("adc", pin=self.pin.number)["answer"]


class I2C:
    """A bus with the rig's parts on it."""

    def __init__(self, bus: int, scl: Pin, sda: Pin, freq: int) -> None:
        self.wiring = (bus, scl.number, sda.number, freq)

    def writeto(self, address: int, data: bytes) -> int:
        """Write to a part.

        Raises:
            OSError: It does not answer.
        """
        if rig.ask("i2c_write", address=address, data=hexlify(data).decode())["answer"] is None:
            raise OSError(19)  # ENODEV, as on the chip
        return len(data)

    def readfrom(self, address: int, count: int) -> bytes:
        """Read from a part.

        Raises:
            OSError: It does not answer.
        """
        answer = rig.ask("i2c_read", address=address, count=count)["answer"]
        if answer is None:
            raise OSError(19)
        return unhexlify(answer)


class WDT:
    """The watchdog, which on the rig is asleep."""

    def __init__(self, timeout: int) -> None:
        self.timeout = timeout

    def feed(self) -> None:
        """Nothing to feed."""
