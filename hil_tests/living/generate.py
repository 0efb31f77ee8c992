"""One home from one seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from hil_tests.living import absences, company, sensing
from hil_tests.living.chance import DAY_MS, source
from hil_tests.living.climate import temperature_rows
from hil_tests.living.equipment import Equipment, draw_equipment
from hil_tests.living.habits import Habits, draw_habits
from hil_tests.living.home import Cause, Emergency, Fault, Label, LivedHome, Row, Span, Visit
from hil_tests.living.mishaps import befall
from hil_tests.living.nights import disturb
from hil_tests.living.routine import live
from hil_tests.living.timeline import Doing, Stay, lay_over, union
from hil_tests.living.trouble import WHOLE_HOME, draw_defects, draw_outages, heard

EMERGENCIES_PER_DAY = 1 / 12
NIGHTS_PER_DAY = 1 / 8


def generate(
    seed: int,
    days: int,
    *,
    start_ms: int,
    faults: bool = True,
    emergencies_per_day: float = EMERGENCIES_PER_DAY,
    nights_per_day: float = NIGHTS_PER_DAY,
) -> LivedHome:
    """Let somebody live in a home for some days.

    None of ``faults`` and the two rates changes who lives there, what hangs there, or an undisturbed day.

    Args:
        seed: Even for tuning, odd for testing.
        days: At least one.
        start_ms: A midnight (UTC), milliseconds since the epoch.
        faults: Whether anything fails: without, ``outages`` and ``defects`` are empty.
        emergencies_per_day: How often one is tried, from the eighth day on; far more often than in life.
        nights_per_day: The same for nights of wandering, or of leaving the home.

    Raises:
        ValueError: No days, or no midnight.
    """
    if days < 1:
        raise ValueError(f"A home is lived in for at least one day, not {days}.")
    if start_ms % DAY_MS:
        raise ValueError(f"{start_ms} ms is no midnight (UTC); a home begins at one.")
    end_ms = start_ms + days * DAY_MS
    habits = draw_habits(source(seed, "habits"))
    equipment = draw_equipment(source(seed, "equipment"))
    outages: tuple[Fault, ...] = ()
    defects: tuple[Fault, ...] = ()
    if faults:
        outages = draw_outages(equipment.sensors, start_ms, end_ms, source(seed, "outages"))
        defects = draw_defects(equipment.sensors, start_ms, end_ms, source(seed, "defects"))
    stays, mornings, visits = _life(seed, habits, start_ms, days)
    emergencies = befall(stays, visits, mornings, emergencies_per_day, source(seed, "emergencies"))
    nights = disturb(stays, nights_per_day, source(seed, "nights"))
    told = _rows(seed, (habits, equipment), (stays, visits, emergencies), defects)
    return LivedHome(
        seed=seed,
        start_ms=start_ms,
        end_ms=end_ms,
        habits=habits,
        sensors=equipment.sensors,
        rows=heard((row for row in told if row.ts_ms < end_ms), outages),
        truth=_truth(stays, emergencies, outages, nights),
        stays=tuple(stays),
        mornings=mornings,
        visits=tuple(visits),
        emergencies=tuple(emergencies),
        outages=outages,
        defects=defects,
    )


def _life(
    seed: int, habits: Habits, start_ms: int, days: int
) -> tuple[list[Stay], tuple[int, ...], list[Visit]]:
    rng = source(seed, "life")
    ill = absences.ill_days(habits, days, rng)
    routine = live(habits, start_ms, days, ill, rng)
    stays = routine.stays
    for absence in absences.absences(habits, routine.mornings, ill, source(seed, "absences")):
        lay_over(stays, [absence])
    coming = source(seed, "company")
    visits = company.visits(stays, routine.mornings, coming)
    for visit in visits:
        lay_over(stays, company.receiving(visit, stays, coming))
    return stays, routine.mornings, visits


def _rows(
    seed: int,
    person_and_home: tuple[Habits, Equipment],
    happened: tuple[Sequence[Stay], Sequence[Visit], Sequence[Emergency]],
    defects: Sequence[Fault],
) -> Iterator[Row]:
    """All that the sensors say, not in order."""
    habits, equipment = person_and_home
    stays, visits, emergencies = happened
    start_ms, end_ms = stays[0].start_ms, stays[-1].end_ms
    rng = source(seed, "visitors")
    walks = [company.steps(visit, rng) for visit in visits]
    rng = source(seed, "movement")
    seen = chain(
        sensing.movements(stays, sensing.resident(habits, equipment.sees_bed), equipment, rng),
        chain.from_iterable(sensing.movements(walk, sensing.VISITOR, equipment, rng) for walk in walks),
        sensing.ghosts(equipment, start_ms, end_ms, source(seed, "ghosts")),
    )
    opened = chain(
        sensing.openings(stays, visits, rng),
        sensing.fridge(stays, Cause.RESIDENT, rng),
        sensing.fridge(chain.from_iterable(walks), Cause.VISITOR, rng),
    )
    yield from sensing.motion_rows(seen, equipment, defects, end_ms, rng)
    yield from sensing.door_rows(opened, equipment, defects, end_ms, source(seed, "doors"))
    yield from sensing.bed_rows(stays, emergencies, equipment, rng)
    yield from sensing.button_rows(stays, emergencies, equipment, rng)
    yield from temperature_rows(habits, defects, start_ms, end_ms, source(seed, "climate"))


def _truth(
    stays: Sequence[Stay],
    emergencies: Iterable[Emergency],
    outages: Iterable[Fault],
    nights: Iterable[Span],
) -> tuple[Span, ...]:
    labels = {Doing.AWAY: Label.AWAY, Doing.ASLEEP: Label.ASLEEP, Doing.DOZING: Label.ASLEEP}
    spans: dict[Label, list[tuple[int, int]]] = {label: [] for label in Label}
    for stay in stays:
        if stay.doing in labels:
            spans[labels[stay.doing]].append((stay.start_ms, stay.end_ms))
    spans[Label.EMERGENCY] = [(one.start_ms, one.end_ms) for one in emergencies]
    for night in nights:
        spans[night.label].append(night[:2])
    spans[Label.BLIND] = [(fault.start_ms, fault.end_ms) for fault in outages if fault.kind in WHOLE_HOME]
    truth = [Span(*span, label) for label, raw in spans.items() for span in union(raw)]
    return tuple(sorted(truth, key=lambda span: (span.start_ms, span.end_ms, span.label.value)))
