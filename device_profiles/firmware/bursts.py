"""What is on the air now, and what waits: each frame is repeated, for receivers miss some. Pure."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bthome import Reading

EVENT_COPIES = 10
STATE_COPIES = 3
COPIES_WHEN_BUSY = 3  # of one event while another waits
INTERVAL_MS = 300
EVENTS_MAX = 8


class Bursts:
    """The node's one advert, and the readings that wait to take its place.

    The radio repeats an advert by itself, so a burst is a span of time: copies times interval. An
    event does not wait for the end of a state's burst; the state will be said again.
    """

    def __init__(self) -> None:
        self._events: list[list[Reading]] = []
        self._state: list[Reading] | None = None
        self._began_ms = 0
        self._copies = 0

    @property
    def idle(self) -> bool:
        """Nothing is being said, and nothing waits."""
        return not self._copies and not self._events and self._state is None

    def add_event(self, readings: "list[Reading]") -> bool:
        """Let this be said after the events that wait; false if too many do, and nothing was added."""
        if len(self._events) >= EVENTS_MAX:
            return False
        self._events.append(readings)
        return True

    def is_free(self, now_ms: int) -> bool:
        """Nothing waits, and what is on the air has had its time: a state put in now begins now."""
        return not self._events and now_ms - self._began_ms >= self._lasts_ms()

    def add_state(self, readings: "list[Reading]") -> None:
        """Let this be said next. A state must not wait: an event could outrun it and make it a lie."""
        self._state = readings

    def next(self, now_ms: int) -> "list[Reading] | None":
        """The readings whose burst begins now; ``None``: go on as you are."""
        if now_ms - self._began_ms < self._lasts_ms():
            return None
        if self._events:
            readings = self._events.pop(0)
            self._copies = EVENT_COPIES
        elif self._state is not None:
            readings, self._state = self._state, None
            self._copies = STATE_COPIES
        else:
            self._copies = 0
            return None
        self._began_ms = now_ms
        return readings

    def _lasts_ms(self) -> int:
        copies = self._copies
        if self._events:
            copies = 0 if copies == STATE_COPIES else COPIES_WHEN_BUSY
        # Half an interval short: the last copy is out, and the next has not begun.
        return max(0, copies * INTERVAL_MS - INTERVAL_MS // 2)
