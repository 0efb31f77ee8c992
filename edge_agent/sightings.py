"""Who is on the air: what ``lum-hub sensors scan`` shows. Pure: adverts in, rows out; nothing is kept beyond."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median_low
from typing import Any

from device_profiles.advert import Advert
from device_profiles.catalogue import Catalogue
from device_profiles.errors import ProfileError
from device_profiles.outcome import Outcome, Reason, Status
from edge_agent.roster import Entry
from edge_agent.words import reading_words, signal_words, table

SIGHTINGS_MAX = 1_000  # neighbours' phones change their addresses; beyond, the longest seen is forgotten
SIGNALS_MAX = 9  # adverts whose median is a sender's signal
SAYS_MAX = 3  # readings in one line of the table

NEEDS_KEY = "needs a key"

_TROUBLES = {
    Status.NEEDS_KEY: NEEDS_KEY,
    Status.WRONG_KEY_OR_CORRUPT: "encrypts with another key",
}


@dataclass(frozen=True, slots=True)
class Known:
    """A sensor of this home, with its key if it encrypts."""

    entry: Entry
    key: bytes | None = field(default=None, repr=False)

    def decode(self, catalogue: Catalogue, advert: Advert) -> Outcome:
        """What it says, believed as the hub would."""
        return catalogue.decode(advert, key=self.key, model=self.entry.model)


@dataclass(frozen=True, slots=True)
class Row:
    """One sender.

    Attributes:
        model: Its profile; None if none claims it.
        title: The profile's title, with the product where its header names one.
        says: Its last readings in words, newest frame first.
        signal_dbm: Median of its last adverts.
        contract: How it proves that it is alive.
        trouble: Why it cannot be used as it is, or empty.
        name: What this home calls it; None if it is not of this home.
    """

    address: str
    model: str | None
    title: str
    says: tuple[str, ...]
    signal_dbm: int
    contract: str
    trouble: str
    name: str | None

    def facts(self) -> dict[str, Any]:
        """The row for machines."""
        return {
            "address": self.address,
            "model": self.model,
            "title": self.title,
            "says": list(self.says),
            "signal_dbm": self.signal_dbm,
            "signal": signal_words(self.signal_dbm),
            "contract": self.contract,
            "trouble": self.trouble,
            "name": self.name,
        }


@dataclass(slots=True)
class _Sighting:
    """What is remembered of one sender."""

    signals: deque[int] = field(default_factory=lambda: deque(maxlen=SIGNALS_MAX))
    says: dict[str, str] = field(default_factory=dict)  # kind -> words, newest frame first
    outcome: Outcome | None = None  # of the last advert that a profile claimed
    product: str | None = None


class Sightings:
    """Everybody heard since it was made."""

    def __init__(self, catalogue: Catalogue, sensors: Iterable[Known]) -> None:
        self._catalogue = catalogue
        self._sensors: Mapping[str, Known] = {known.entry.address: known for known in sensors}
        self._seen: dict[str, _Sighting] = {}

    def hear(self, advert: Advert) -> None:
        """Take in one advert."""
        known = self._sensors.get(advert.address)
        outcome = known.decode(self._catalogue, advert) if known else self._catalogue.decode(advert)
        seen = self._seen.get(advert.address) or self._first_seen(advert.address)
        seen.signals.append(advert.signal_dbm)
        if outcome.status is Status.UNKNOWN:
            return
        seen.outcome = outcome
        seen.product = outcome.product or seen.product
        said = {reading.kind: reading_words(reading) for reading in outcome.readings}
        seen.says = said | {kind: words for kind, words in seen.says.items() if kind not in said}

    def row(self, address: str) -> Row | None:
        """One sender; None if it was not heard."""
        seen = self._seen.get(address)
        return self._row(address, seen) if seen else None

    def rows(self, *, everybody: bool = False) -> list[Row]:
        """The senders, strongest signal first; those that no profile claims only if ``everybody``."""
        rows = [self._row(address, seen) for address, seen in self._seen.items()]
        shown = [row for row in rows if everybody or row.model or row.name]
        return sorted(shown, key=lambda row: (-row.signal_dbm, row.address))

    def _first_seen(self, address: str) -> _Sighting:
        if len(self._seen) >= SIGHTINGS_MAX:
            del self._seen[next(iter(self._seen))]
        return self._seen.setdefault(address, _Sighting())

    def _row(self, address: str, seen: _Sighting) -> Row:
        known = self._sensors.get(address)
        outcome = seen.outcome or Outcome(Status.UNKNOWN)
        model = outcome.model or (known.entry.model if known else None)
        title, contract = _described(self._catalogue, model)
        return Row(
            address=address,
            model=model,
            title=f"{title}, {seen.product}" if seen.product else title,
            says=tuple(seen.says.values()),
            signal_dbm=median_low(seen.signals),
            contract=(known.entry.contract if known else None) or contract,
            trouble=_trouble(outcome, assigned=known is not None),
            name=known.entry.name if known else None,
        )


def contract_of(catalogue: Catalogue, entry: Entry) -> str:
    """How a sensor proves that it is alive: as its home says, or as its model does."""
    return entry.contract or _described(catalogue, entry.model)[1]


def scan_table(rows: Iterable[Row]) -> list[str]:
    """The rows for people, under their heads."""
    return table(("SIGNAL", "ADDRESS", "MODEL", "SAYS", "ALIVE", "SENSOR"), [_cells(row) for row in rows])


def _cells(row: Row) -> tuple[str, ...]:
    says = ", ".join(row.says[:SAYS_MAX]) + (", ..." if len(row.says) > SAYS_MAX else "")
    signal = f"{row.signal_dbm} dBm {signal_words(row.signal_dbm)}"
    sensor = "; ".join(part for part in (row.name, row.trouble) if part)
    return signal, row.address, row.title, says, row.contract, sensor or "not assigned"


def _trouble(outcome: Outcome, *, assigned: bool) -> str:
    """Why a sender cannot be used as it is; what the hub does for its own sensors is no trouble."""
    if outcome.reason == Reason.CONNECT:
        return "" if assigned else "needs a connection"
    if outcome.reason == Reason.NOT_ENCRYPTED:
        return "does not encrypt, although it has a key"
    return _TROUBLES.get(outcome.status, "")


def _described(catalogue: Catalogue, model: str | None) -> tuple[str, str]:
    """Title and contract of a model; ``unknown`` where no profile is."""
    try:
        profile = catalogue.profile(model or "")
    except ProfileError:
        return model or "unknown", "unknown"
    return profile.title, profile.liveness["default"]
