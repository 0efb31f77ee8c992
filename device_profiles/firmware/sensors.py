"""What a node senses, and when it has something to say of it. Pure: levels, values and times come in.

A sensor answers two questions: ``look`` (what happened, to be told at once) and ``state`` (what holds,
told every period). Times are milliseconds of the node's clock.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bthome import Reading

HOLD_MS = 5000  # movement is over when the detector was quiet for so long
DEBOUNCE_MS = 30  # contacts bounce for 1 to 20 ms


class Debounced:
    """A contact's level, believed once it has stood for a while."""

    def __init__(self, level: int) -> None:
        self.level = level
        self._candidate = level
        self._since_ms = 0

    def see(self, level: int, now_ms: int) -> int:
        """The believed level, now that the pin reads ``level``."""
        if level != self._candidate:
            self._candidate = level
            self._since_ms = now_ms
        elif now_ms - self._since_ms >= DEBOUNCE_MS:
            self.level = level
        return self.level


class Sensor:
    """Something on a pin. ``kept`` is what it remembered before a deep sleep; ``None`` at any other start."""

    def __init__(self, kept: "list[int] | None" = None) -> None:
        raise NotImplementedError

    @property
    def kept(self) -> "list[int]":
        """What it must remember through a deep sleep."""
        raise NotImplementedError

    @property
    def due_ms(self) -> "int | None":
        """When it will have something to say even if its pin stays as it is."""
        return None

    def look(self, level: int, now_ms: int) -> "list[Reading]":
        """What happened, now that the pin says ``level`` (1: movement, magnet away, pressed)."""
        raise NotImplementedError

    def state(self) -> "list[Reading]":
        """What holds."""
        return []


class Motion(Sensor):
    """A movement detector: 1 at the first movement, 0 when none came for the hold time."""

    def __init__(self, kept: "list[int] | None" = None) -> None:
        self._moving, self._still_at_ms = kept or [0, 0]

    @property
    def kept(self) -> "list[int]":
        return [self._moving, self._still_at_ms]

    @property
    def due_ms(self) -> "int | None":
        return self._still_at_ms if self._moving else None

    def look(self, level: int, now_ms: int) -> "list[Reading]":
        if level:
            self._still_at_ms = now_ms + HOLD_MS
        moving = int(level or (self._moving and now_ms < self._still_at_ms))
        if moving == self._moving:
            return []
        self._moving = moving
        return self.state()

    def state(self) -> "list[Reading]":
        return [("motion", self._moving)]


class Door(Sensor):
    """A reed contact: 1 on opening, 0 on closing. What it finds at power-on nobody has just done."""

    def __init__(self, kept: "list[int] | None" = None) -> None:
        self._is_open = kept[0] if kept else None

    @property
    def kept(self) -> "list[int]":
        return [self._is_open or 0]

    def look(self, level: int, now_ms: int) -> "list[Reading]":  # noqa: ARG002  # a contact needs no time
        before, self._is_open = self._is_open, level
        return [] if before is None or before == level else self.state()

    def state(self) -> "list[Reading]":
        return [("door", self._is_open or 0)]


class Button(Sensor):
    """Says at once that it is pressed: who is in need does not wait for a double press. It has no state."""

    def __init__(self, kept: "list[int] | None" = None) -> None:
        self._pressed = kept[0] if kept else 0

    @property
    def kept(self) -> "list[int]":
        return [self._pressed]

    def look(self, level: int, now_ms: int) -> "list[Reading]":  # noqa: ARG002  # a contact needs no time
        before, self._pressed = self._pressed, level
        return [("button", "press")] if level and not before else []


class LongPress:
    """How long a button has been held: says so once, at each of two marks."""

    def __init__(self, first_ms: int, second_ms: int) -> None:
        self._marks_ms = (first_ms, second_ms)
        self._since_ms = 0
        self._told = 0
        self._held = False

    def look(self, level: int, now_ms: int) -> int:
        """1 or 2 when that mark has just been reached; else 0."""
        if not level:
            self._held, self._told = False, 0
            return 0
        if not self._held:
            self._held, self._since_ms = True, now_ms
        if self._told < 2 and now_ms - self._since_ms >= self._marks_ms[self._told]:
            self._told += 1
            return self._told
        return 0


BY_NAME: dict[str, type[Sensor]] = {"motion": Motion, "door": Door, "button": Button}
