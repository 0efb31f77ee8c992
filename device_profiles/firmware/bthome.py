"""Readings to BTHome v2 advertising data (bthome.io/format, bthome.io/encryption). Pure.

A reading is a pair: a kind, and an integer at the kind's resolution, or the word of an event.
"""

import ccm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cryptolib import aes

    Reading = tuple[str, int | str]

ADVERT_MAX_BYTES = 31  # of a legacy advert; Core Specification, Vol 6, Part B, 2.3.1.1
BUTTON_EVENTS = {"press": 1, "double_press": 2, "triple_press": 3, "long_press": 4}

_FLAGS = b"\x02\x01\x06"  # LE general discoverable, no BR/EDR
_SERVICE_DATA = 0x16
_UUID = b"\xd2\xfc"
_PLAIN = 0x40  # version 2
_ENCRYPTED = 0x41
_PACKET_ID = 0x00
# Of each kind its object id, bytes and decimal places; an object's bytes come in this order.
_OBJECTS = {
    "battery": (0x01, 1, 0),  # %
    "temperature": (0x02, 2, 2),  # °C, signed
    "humidity": (0x03, 2, 2),  # %
    "door": (0x1A, 1, 0),  # 1: open
    "motion": (0x21, 1, 0),
    "button": (0x3A, 1, 0),
}


class Sealer:
    """Encrypts frames with a node's key.

    Args:
        cipher: AES in ECB mode with that key.
        address: The address it advertises under, 6 bytes as written; receivers put it into the nonce.
    """

    def __init__(self, cipher: "aes", address: bytes) -> None:
        self._cipher = cipher
        self._address = address

    def seal(self, counter: int, objects: bytes) -> bytes:
        """The frame of these objects; ``counter`` (32 bits) must never be used twice."""
        counter_bytes = counter.to_bytes(4, "little")
        nonce = self._address + _UUID + bytes((_ENCRYPTED,)) + counter_bytes
        sealed = ccm.seal(self._cipher, nonce, objects)
        tag_start = len(sealed) - ccm.TAG_BYTES
        return bytes((_ENCRYPTED,)) + sealed[:tag_start] + counter_bytes + sealed[tag_start:]


def advert(readings: "list[Reading]", counter: int, sealer: "Sealer | None" = None) -> bytes:
    """Advertising data that says ``readings``; its packet id is the low byte of ``counter``.

    Raises:
        ValueError: They do not fit into one advert, or a kind or event is not known.
    """
    objects = bytes((_PACKET_ID, counter & 0xFF))
    for _, encoded in sorted(_encoded(kind, value) for kind, value in readings):
        objects += encoded
    frame = bytes((_PLAIN,)) + objects if sealer is None else sealer.seal(counter, objects)
    data = _FLAGS + bytes((len(frame) + 3, _SERVICE_DATA)) + _UUID + frame
    if len(data) > ADVERT_MAX_BYTES:
        raise ValueError(f"an advert holds {ADVERT_MAX_BYTES} bytes, and these readings take {len(data)}")
    return data


def told(kind: str, value: "int | str") -> str:
    """A reading as the node's log says it: ``temperature=21.50``, ``door=1``, ``button=press``."""
    places = _OBJECTS[kind][2]
    if isinstance(value, str) or not places:
        return f"{kind}={value}"
    sign = "-" if value < 0 else ""
    return f"{kind}={sign}{abs(value) // 10**places}.{abs(value) % 10**places:0{places}d}"


def _encoded(kind: str, value: "int | str") -> "tuple[int, bytes]":
    """The object's id, and id and value as bytes."""
    if kind not in _OBJECTS:
        raise ValueError(f"there is no kind {kind}")
    number, size, _ = _OBJECTS[kind]
    if isinstance(value, str):
        if kind != "button" or value not in BUTTON_EVENTS:
            raise ValueError(f"{kind} has no event {value}")
        value = BUTTON_EVENTS[value]
    wrapped = value & ((1 << 8 * size) - 1)  # two's complement; MicroPython's to_bytes takes no sign
    return number, bytes((number,)) + wrapped.to_bytes(size, "little")
