"""An ordinary home of twenty sensors, for runs in virtual time."""

from __future__ import annotations

from collections.abc import Iterator

from hil_tests.rig.behaviour import Behaviour
from hil_tests.scenario import Home, HubPlan, Scenario, SensorPlan

DAY_S = 86_400.0
CLIMATE_PERIOD_S, HEARTBEAT_S = 60.0, 600.0
# Behaviour, model, how many of it, how often something happens of itself (a minute, on average over the day).
FURNISHING: tuple[tuple[Behaviour, str, int, float], ...] = (
    ("climate", "bthome_v2", 5, 0.0),
    ("climate", "pvvx", 2, 0.0),
    ("climate", "qingping", 1, 0.0),
    ("motion", "bthome_v2", 5, 0.06),
    ("motion", "mibeacon", 1, 0.06),
    ("door", "bthome_v2", 4, 0.02),
    ("button", "shelly_blu", 2, 0.002),
)
ENCRYPTED = ("mibeacon",)  # always does


def home(
    duration_s: float = DAY_S, *, copies: int = 3, seed: int = 1, timing: HubPlan | None = None
) -> Scenario:
    """The home for so long; ``copies`` of each periodic frame are sent."""
    return Scenario(
        title="A day in a home of twenty sensors",
        seed=seed,
        duration_s=duration_s,
        home=Home("oak-lane-12"),
        sensors=tuple(_sensors(copies)),
        hub=timing or HubPlan(commit_window_max_s=15.0, batch_age_max_s=900.0),
    )


def _sensors(copies: int) -> Iterator[SensorPlan]:
    number = 0
    for behaviour, model, count, rate_per_min in FURNISHING:
        for _ in range(count):
            number += 1
            yield SensorPlan(
                name=f"{behaviour}-{number}",
                room=f"Room {number % 6}",
                address=f"C0:20:00:00:00:{number:02X}",
                behaviour=behaviour,
                model=model,
                period_s=CLIMATE_PERIOD_S if behaviour == "climate" else HEARTBEAT_S,
                rate_per_min=rate_per_min,
                key="derived" if model in ENCRYPTED or number == 1 else None,
                periodic_copies=copies,
                loss=0.02,
            )
