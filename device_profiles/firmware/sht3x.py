"""The climate sensor: a Sensirion SHT3x on I2C (data sheet of December 2022, sections 4.2 to 4.12).

Another part takes its place with a class that has the same ``measure``.
"""

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bthome import Reading
    from machine import I2C

ADDRESS = 0x44  # ADDR pin low
MEASURE_MS = 16  # high repeatability: 15 ms at most

_MEASURE = b"\x24\x00"  # single shot, high repeatability, no clock stretching
_WORDS_BYTES = 6  # temperature, its CRC, humidity, its CRC


class Sht3x:
    """Measures temperature and humidity."""

    def __init__(self, bus: "I2C") -> None:
        self._bus = bus

    def measure(self) -> "list[Reading]":
        """Temperature in 0.01 °C and relative humidity in 0.01 %.

        Raises:
            OSError: The sensor does not answer, or what it says does not match its checksum.
        """
        self._bus.writeto(ADDRESS, _MEASURE)
        time.sleep_ms(MEASURE_MS)
        words = self._bus.readfrom(ADDRESS, _WORDS_BYTES)
        for start in (0, 3):
            if crc8(words[start : start + 2]) != words[start + 2]:
                raise OSError("the climate sensor's checksum is wrong")
        return converted(int.from_bytes(words[0:2], "big"), int.from_bytes(words[3:5], "big"))


def converted(temperature: int, humidity: int) -> "list[Reading]":
    """Raw 16-bit words as readings (section 4.13), rounded to 0.01."""
    return [
        ("temperature", (17500 * temperature * 2 + 65535) // (2 * 65535) - 4500),
        ("humidity", (10000 * humidity * 2 + 65535) // (2 * 65535)),
    ]


def crc8(data: bytes) -> int:
    """The sensor's checksum: polynomial 0x31, begun at 0xFF (section 4.12)."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x31 if crc & 0x80 else crc << 1) & 0xFF
    return crc
