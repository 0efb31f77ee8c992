"""What a node was told: by who flashed it (a file) and by who installed it (over GATT). Pure."""

import json

FILE = "settings.json"
KEY_BYTES = 16
NAME_MAX_BYTES = 20
PERIOD_MIN_S = 1
PERIOD_MAX_S = 65535
SENSORS = ("motion", "door", "button", "climate")

_DEFAULTS = {
    "name": "",
    "period_s": 60,
    "key": "",
    "fitted": ["motion"],
    "deep_sleep": False,
    "window_s": 60,
}


class Settings:
    """One node's settings.

    Attributes:
        name: What people call it; the advert of the configuration window says it. Empty: its address.
        period_s: It says its whole state this often.
        key: 16 bytes, or ``None``: not encrypted.
        fitted: Which of SENSORS are wired to it.
        deep_sleep: Whether it may sleep between frames, deaf but to its wake pin.
        window_s: How long it lets itself be configured after power-on.
    """

    def __init__(self, facts: "dict[str, object] | None" = None) -> None:
        known = dict(_DEFAULTS)
        known.update(facts or {})
        key = str(known["key"])
        self.name = str(known["name"])
        self.period_s = _whole(known["period_s"])
        self.key = bytes.fromhex(key) if key else None
        fitted = known["fitted"]
        self.fitted = [str(one) for one in fitted] if isinstance(fitted, list) else []
        self.deep_sleep = bool(known["deep_sleep"])
        self.window_s = _whole(known["window_s"])
        _check(self)

    def dump(self) -> bytes:
        """The settings as their file holds them, key included: who holds the node in hand can read it."""
        facts = {
            "name": self.name,
            "period_s": self.period_s,
            "key": "" if self.key is None else self.key.hex(),
            "fitted": self.fitted,
            "deep_sleep": self.deep_sleep,
            "window_s": self.window_s,
        }
        return json.dumps(facts).encode()

    def take(self, what: str, value: bytes) -> str:
        """Take what an installer wrote; returns one sentence that says what became of it.

        Args:
            what: ``name`` (UTF-8), ``period`` (seconds, 2 bytes, least significant first) or ``key``.
            value: As it was written.
        """
        try:
            if what == "name":
                return self._take_name(value)
            if what == "period":
                return self._take_period(value)
            return self._take_key(value)
        except ValueError as error:
            return f"refused: {error}"

    def _take_name(self, value: bytes) -> str:
        if not 1 <= len(value) <= NAME_MAX_BYTES:
            raise ValueError(f"a name has 1 to {NAME_MAX_BYTES} bytes")
        try:
            self.name = value.decode()
        except ValueError:  # of which UnicodeError is one
            raise ValueError("the name is not UTF-8") from None
        return "ok: name"

    def _take_period(self, value: bytes) -> str:
        period_s = int.from_bytes(value, "little")
        if len(value) != 2 or period_s < PERIOD_MIN_S:
            raise ValueError(f"the period is 2 bytes, {PERIOD_MIN_S} to {PERIOD_MAX_S} seconds")
        self.period_s = period_s
        return "ok: period"

    def _take_key(self, value: bytes) -> str:
        if self.key is not None:
            raise ValueError("the key is set; hold BOOT for 10 s to forget it")
        if len(value) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self.key = bytes(value)
        return "ok: key"


def load(data: "bytes | None") -> Settings:
    """Read a settings file; without one, the defaults.

    Raises:
        ValueError: The file cannot be used; says why in one sentence.
    """
    if data is None:
        return Settings()
    try:
        facts = json.loads(data)
    except ValueError:
        raise ValueError(f"{FILE} is not JSON") from None
    if not isinstance(facts, dict):
        raise ValueError(f"{FILE} is not a JSON object")
    for name in facts:
        if name not in _DEFAULTS:
            raise ValueError(f"{FILE} has an unknown key {name}")
    return Settings(facts)


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise ValueError(f"{FILE}: {value} is not a whole number")
    return value


def _check(settings: Settings) -> None:
    if not PERIOD_MIN_S <= settings.period_s <= PERIOD_MAX_S:
        raise ValueError(f"{FILE}: period_s is {PERIOD_MIN_S} to {PERIOD_MAX_S}")
    if settings.key is not None and len(settings.key) != KEY_BYTES:
        raise ValueError(f"{FILE}: key has {2 * KEY_BYTES} hex digits")
    if len(settings.name.encode()) > NAME_MAX_BYTES:
        raise ValueError(f"{FILE}: name has at most {NAME_MAX_BYTES} bytes")
    for sensor in settings.fitted:
        if sensor not in SENSORS:
            raise ValueError(f"{FILE}: fitted knows no {sensor}; there are {', '.join(SENSORS)}")
    if not settings.fitted:
        raise ValueError(f"{FILE}: fitted is a list of {', '.join(SENSORS)}")
