"""``bluetooth`` on the rig: each operation goes over the bridge to a Bumble device on the virtual air."""

from binascii import hexlify, unhexlify

import rig

FLAG_READ, FLAG_WRITE_NO_RESPONSE, FLAG_WRITE, FLAG_NOTIFY, FLAG_INDICATE = 2, 4, 8, 16, 32

_CONNECTED, _DISCONNECTED, _WRITTEN = 1, 2, 3


class UUID:
    """A 16-bit or 128-bit UUID."""

    def __init__(self, value: "int | str") -> None:
        self.text = value if isinstance(value, str) else f"{value:04x}"


class BLE:
    """The one radio."""

    def __init__(self) -> None:
        self._active = False
        self._irq: object = None
        self._values: dict = {}
        rig.listen("connected", lambda event: self._happen(_CONNECTED, (event["connection"], 0, b"")))
        rig.listen("disconnected", lambda event: self._happen(_DISCONNECTED, (event["connection"], 0, b"")))
        rig.listen("written", self._take)

    def active(self, on: "bool | None" = None) -> bool:
        """Ask, or switch it on or off."""
        if on is not None and on != self._active:
            self._active = on
            rig.tell("radio", on=on)
        return self._active

    def config(self, *names: str, **values: object) -> "tuple | None":
        """Ask for ``mac``, or set something; the rig is told the name only."""
        if names == ("mac",):
            return (1, unhexlify(rig.boot["address"]))
        if "gap_name" in values:
            rig.tell("name", name=hexlify(values["gap_name"]).decode())
        return None

    def irq(self, handler: object) -> None:
        """Call this with each event."""
        self._irq = handler

    def gap_advertise(
        self,
        interval_us: "int | None",
        adv_data: "bytes | None" = None,
        *,
        resp_data: "bytes | None" = None,
        connectable: bool = True,
    ) -> None:
        """Advertise so, or (``None``) not at all."""
        if interval_us is None:
            rig.tell("silence")
            return
        data, response = hexlify(adv_data or b"").decode(), hexlify(resp_data or b"").decode()
        rig.tell("advertise", ms=interval_us / 1000, data=data, response=response, connectable=connectable)

    def gap_disconnect(self, connection: int) -> bool:
        """Hang up."""
        rig.tell("disconnect", connection=connection)
        return True

    def gatts_register_services(self, services: tuple) -> tuple:
        """Offer these; returns a handle for each characteristic."""
        handles, told = [], []
        for service, characteristics in services:
            mine = []
            for uuid, flags in characteristics:
                handle = len(self._values) + 1
                self._values[handle] = b""
                mine.append({"handle": handle, "uuid": uuid.text, "flags": flags})
            handles.append(tuple(one["handle"] for one in mine))
            told.append({"uuid": service.text, "characteristics": mine})
        rig.tell("services", services=told)
        return tuple(handles)

    def gatts_set_buffer(self, handle: int, size: int) -> None:
        """Nothing to set: values grow as they must."""

    def gatts_read(self, handle: int) -> bytes:
        """The value now."""
        return self._values[handle]

    def gatts_write(self, handle: int, data: bytes) -> None:
        """Replace the value."""
        self._values[handle] = bytes(data)
        rig.tell("value", handle=handle, value=hexlify(data).decode())

    def _take(self, event: dict) -> None:
        self._values[event["handle"]] = unhexlify(event["value"])
        self._happen(_WRITTEN, (event["connection"], event["handle"]))

    def _happen(self, event: int, data: tuple) -> None:
        if self._irq is not None:
            self._irq(event, data)
