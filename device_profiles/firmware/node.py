"""What the node says, and when. Pure: levels and measurements come in, readings to be said come out."""

from bursts import Bursts
from sensors import BY_NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bthome import Reading
    from settings import Settings

    Kept = dict[str, list[int]]


class Node:
    """The sensors that are fitted, the period, and the queue of what is to be said.

    Args:
        settings: Which sensors, and the period.
        kept: As ``kept`` gave it before a deep sleep; ``None`` at any other start.
    """

    def __init__(self, settings: "Settings", kept: "Kept | None" = None) -> None:
        memory = kept or {}
        self.bursts = Bursts()
        self._settings = settings
        self._state_due_ms = memory.get("state_due_ms", [0])[0]
        self._sensors = {name: BY_NAME[name](memory.get(name)) for name in settings.fitted if name in BY_NAME}

    @property
    def kept(self) -> "Kept":
        """What memory that outlives a deep sleep must keep."""
        kept = {name: sensor.kept for name, sensor in self._sensors.items()}
        kept["state_due_ms"] = [self._state_due_ms]
        return kept

    @property
    def watches(self) -> "list[str]":
        """The sensors with a pin to watch."""
        return sorted(self._sensors)

    def look(self, levels: "dict[str, int]", now_ms: int) -> "list[Reading]":
        """See what happened, and queue it to be said.

        Args:
            levels: Of each watched sensor; 1: movement, magnet away, pressed.
            now_ms: The node's clock.

        Returns:
            Events that could not even be queued; for the log.
        """
        dropped: list[Reading] = []
        for name, level in levels.items():
            events = self._sensors[name].look(level, now_ms)
            if events and not self.bursts.add_event(events):
                dropped += events
        return dropped

    def state_is_due(self, now_ms: int) -> bool:
        """Whether it is time to say everything again, and no event is in the way."""
        return now_ms >= self._state_due_ms and self.bursts.is_free(now_ms)

    def say_state(self, measured: "list[Reading]", now_ms: int) -> None:
        """Say what holds, with what was just measured; next time a period later."""
        self._state_due_ms = now_ms + self._settings.period_s * 1000
        for sensor in self._sensors.values():
            measured = measured + sensor.state()
        self.bursts.add_state(measured)

    def hurry(self, now_ms: int) -> None:
        """Say the state within the period as it is set now, if that has been shortened."""
        self._state_due_ms = min(self._state_due_ms, now_ms + self._settings.period_s * 1000)

    def rest_ms(self, now_ms: int) -> int:
        """How long nothing will be due, unless a pin changes."""
        due = [self._state_due_ms]
        due += [sensor.due_ms for sensor in self._sensors.values() if sensor.due_ms is not None]
        return max(0, min(due) - now_ms)
