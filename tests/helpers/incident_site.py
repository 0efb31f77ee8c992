"""A site's directory with one home in its store, its watch by hand, and a clock."""

from __future__ import annotations

from pathlib import Path

from cloud_sync.receiver.store.assured import Assured
from cloud_sync.receiver.watch import Watch
from tests.helpers.desk import write_book
from tests.helpers.seeded_home import SeededHome, Told, event, sensor

NOW = 1_800_000_000_000  # 2027-01-15 08:00 UTC
HOME = "margaret"
PENDANT = sensor(3, "Pendant", "Living room", role="help")
SMOKE = sensor(4, "Warner", "Kitchen", role="hazard")


class Site:
    """A site's directory with one home, its watch, and a clock."""

    def __init__(self, directory: Path, grants: str) -> None:
        self.directory = directory
        (directory / "receiver.toml").write_text('site = "site"\nhost = "h"\nbind = "127.0.0.1"\n')
        (directory / "store").mkdir()
        write_book(directory, grants)
        self.home = SeededHome(directory / "store" / "lum.db", NOW, HOME)
        self.assured = Assured(self.home.db)
        self.now_ms = NOW
        self.start()

    def start(self) -> None:
        """A watch process begins."""
        self.watch = Watch(self.home.db, self.directory / "homes", consent_needed=False)

    def tell(self, *told: Told) -> None:
        """The hub beats, and a batch of it is stored."""
        self.home.now_ms = self.now_ms
        self.home.beat()
        self.home.tell(told)

    def press(self) -> None:
        """She presses the button."""
        self.tell(Told(PENDANT, [(event("button"), "press", 500)]))

    def look(self, after_ms: int = 2_000) -> None:
        """The watch looks again."""
        self.now_ms += after_ms
        self.watch.look(lambda: self.now_ms)

    def open(self) -> list[str]:
        """What is open."""
        return [one.subject for one in self.assured.open_incidents(HOME)]
