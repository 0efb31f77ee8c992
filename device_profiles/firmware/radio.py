"""The node's Bluetooth: its advert, and the service by which an installer configures it."""

import bluetooth
from micropython import const

_CONNECTED = const(1)
_DISCONNECTED = const(2)
_WRITTEN = const(3)
_ENCRYPTED_WRITE = const(0x1000)  # the link must be encrypted; a phone then pairs by itself
_NO_INPUT_OUTPUT = const(3)

NAME_PREFIX = "Lum "  # so that no receiver takes it for another maker's

SERVICE = bluetooth.UUID("6c756d00-6e6f-6465-8000-000000000000")
NAME = bluetooth.UUID("6c756d01-6e6f-6465-8000-000000000000")
PERIOD = bluetooth.UUID("6c756d02-6e6f-6465-8000-000000000000")
KEY = bluetooth.UUID("6c756d03-6e6f-6465-8000-000000000000")
ANSWER = bluetooth.UUID("6c756d04-6e6f-6465-8000-000000000000")

_CHARACTERISTICS = (
    ("name", NAME, bluetooth.FLAG_READ | bluetooth.FLAG_WRITE),
    ("period", PERIOD, bluetooth.FLAG_READ | bluetooth.FLAG_WRITE),
    ("key", KEY, bluetooth.FLAG_WRITE | _ENCRYPTED_WRITE),  # no FLAG_READ: a key goes in and never out
    ("answer", ANSWER, bluetooth.FLAG_READ),
)
_WRITES_MAX = 8
_VALUE_MAX_BYTES = 32


class Radio:
    """One advert at a time, and perhaps one installer connected."""

    def __init__(self, ble: bluetooth.BLE) -> None:
        self._ble = ble
        self._connections: list[int] = []
        self._welcome: list[int] = []  # those of them that we have not hung up on
        self._written: list[tuple[str, bytes]] = []
        self._advert: tuple[bytes, int, bool] | None = None
        self._name = b""
        ble.active(True)
        ble.config(le_secure=True, mitm=False, bond=False, io=_NO_INPUT_OUTPUT)
        # The stubs take handles for memory views, which no handle is, and know no None for "stop".
        ble.irq(self._hear)  # type: ignore[arg-type]
        services = ((SERVICE, tuple((uuid, flags) for _, uuid, flags in _CHARACTERISTICS)),)
        (handles,) = ble.gatts_register_services(services)
        self._handles = {one[0]: handle for one, handle in zip(_CHARACTERISTICS, handles)}
        for handle in handles:
            ble.gatts_set_buffer(handle, _VALUE_MAX_BYTES)

    @property
    def address(self) -> bytes:
        """The address it advertises under, 6 bytes as written."""
        address: bytes = self._ble.config("mac")[1]
        return bytes(address)

    @property
    def busy(self) -> bool:
        """Somebody is connected."""
        return bool(self._connections)

    def call(self, name: str) -> None:
        """Go by this name from the next advert on."""
        self._name = (NAME_PREFIX + name).encode()
        self._ble.config(gap_name=self._name)

    def advertise(self, data: bytes, interval_ms: int, *, connectable: bool) -> None:
        """Repeat this advert until told otherwise; nothing changes if it is on the air already."""
        # The controller advertises connectably to one who is not connected yet.
        advert = (data, interval_ms, connectable and not self.busy)
        if advert == self._advert:
            return
        self._advert = advert
        scan_response = bytes((len(self._name) + 1, 0x09)) + self._name  # complete local name
        self._ble.gap_advertise(interval_ms * 1000, data, resp_data=scan_response, connectable=advert[2])

    def cease(self) -> None:
        """Advertise no more."""
        if self._advert is not None:
            self._advert = None
            self._ble.gap_advertise(None)  # type: ignore[arg-type]

    def off(self) -> None:
        """Switch it off, before a deep sleep."""
        self.cease()
        self._ble.active(False)

    def dismiss(self) -> None:
        """Hang up on who is connected; it takes a while until ``busy`` is over."""
        while self._welcome:
            self._ble.gap_disconnect(self._welcome.pop())  # type: ignore[arg-type]

    def tell(self, what: str, value: bytes) -> None:
        """Let this be read as the characteristic's value."""
        self._ble.gatts_write(self._handles[what], value)

    def taken(self) -> "list[tuple[str, bytes]]":
        """What was written since the last call: characteristic and value, oldest first."""
        written, self._written = self._written, []
        return written

    def _hear(self, event: int, data: "tuple[int, ...]") -> None:
        """An event of the stack; only noted, for the main loop to act on."""
        if event == _CONNECTED:
            self._connections.append(data[0])
            self._welcome.append(data[0])
            self._advert = None  # the controller ceased
        elif event == _DISCONNECTED:
            self._connections = [one for one in self._connections if one != data[0]]
            self._welcome = [one for one in self._welcome if one != data[0]]
            self._advert = None
        elif event == _WRITTEN and len(self._written) < _WRITES_MAX:
            for what, handle in self._handles.items():
                if handle == data[1]:  # type: ignore[comparison-overlap]
                    self._written.append((what, bytes(self._ble.gatts_read(handle))))
