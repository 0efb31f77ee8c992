"""The hub's own account of itself: what ``lum-hub status`` shows."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from cloud_sync.wire.setting import NO_END_MS
from edge_agent.errors import AgentError
from zero_trust.reasons import reasons, tag

if TYPE_CHECKING:
    from edge_agent.hub import Hub

STALE_PERIODS = 3  # a status older than so many periods was written by a hub that no longer runs


def snapshot(hub: Hub) -> dict[str, Any]:
    """The hub now, as plain facts."""
    now_ms = hub.clock.boot_ms()
    last_frame = hub.coverage.last_frame_ms
    tally = hub.uplink.tally
    return {
        "hub": hub.identity.hub,
        "home": hub.identity.home,
        "pid": os.getpid(),
        "written_ms": hub.clock.wall_ms(),
        "period_s": hub.config.status_period_s,
        "heard": hub.hearing.counts["heard"],
        "adverts": hub.hearing.counts["adverts"],
        "counts": dict(hub.hearing.counts),
        "dropped": hub.dropped + hub.keeping.shed,
        "frame_age_s": None if last_frame is None else (now_ms - last_frame) // 1000,
        "uncommitted": hub.keeping.uncommitted,
        "uncut": hub.keeping.uncut,
        "waiting": hub.uplink.waiting(),
        "uplink": hub.uplink.state.value,
        "batches_sent": tally.sent,
        "bytes_sent": tally.bytes_sent,
        "receipts": tally.receipts,
        "urgent_ms": round(median(tally.urgent_ms), 1) if tally.urgent_ms else None,
        "disbelieved": tally.disbelieved,
        "refusals": tally.refusals,
        "last_refusal": tally.last_refusal,
        "alarms": hub.alarms.standing(),
        "setting": hub.heeding.setting.number if hub.heeding.setting else 0,
        "pauses": [
            {"until_ms": pause.until_ms, "stays": list(pause.stays), "own": pause in hub.heeding.own}
            for pause in hub.pausing.in_force(now_ms)
        ],
        "paused": sorted(hub.pausing.paused(now_ms)),
        "sensors": [
            {"address": sensor, "age_s": (now_ms - (now.last_ms or 0)) // 1000, "kept": now.kept}
            for sensor, now in hub.coverage.heard(now_ms).items()
        ],
    }


def write_status(path: Path, facts: Mapping[str, Any]) -> None:
    """Replace the status file in one step; it lies on a RAM disk, so nothing is synced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(facts))
    draft.replace(path)


def read_status(path: Path) -> dict[str, Any]:
    """The last status written; ``running`` says whether the hub still writes it.

    Raises:
        AgentError: no hub has run here, or the file is damaged.
    """
    try:
        facts: dict[str, Any] = json.loads(path.read_text())
        age_s, period_s = time.time() - facts["written_ms"] / 1000, facts["period_s"]
    except FileNotFoundError as error:
        raise AgentError(
            f"No hub is running here: there is no {path}.",
            hint="Start it: lum-hub run (or systemctl start lum-hub).",
        ) from error
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise AgentError(
            f"The status {path} cannot be read.", hint="Restart the hub; it writes a new one."
        ) from error
    facts["age_s"] = round(age_s, 1)
    facts["running"] = 0 <= age_s <= STALE_PERIODS * period_s
    return facts


def in_words(facts: Mapping[str, Any]) -> list[str]:
    """The status as lines for a person: trouble first."""
    lines = []
    if not facts["running"]:
        lines.append(f"THE HUB IS NOT RUNNING; it last wrote this {facts['age_s']:.0f} s ago.")
    lines += [f"Trouble: {_with_code(alarm['sentence'], alarm.get('code', ''))}" for alarm in facts["alarms"]]
    if facts["last_refusal"]:
        words = reasons().get(facts["last_refusal"])
        told = f"{words.sentence} {words.hint} {tag(words.code)}" if words else facts["last_refusal"]
        lines.append(f"Refused by the site ({facts['refusals']} times), last: {told}")
    lines += [_pause_words(pause, len(facts["paused"])) for pause in facts["pauses"]]
    frame = (
        "nothing heard yet"
        if facts["frame_age_s"] is None
        else f"last heard anything {facts['frame_age_s']} s ago"
    )
    lines += [
        f"Hub {facts['hub']} in home {facts['home']}: {frame}; {facts['heard']} readings heard.",
        f"Connection to the site: {facts['uplink']}; {facts['waiting']} batches and {facts['uncut']} readings wait.",
    ]
    return lines


def _pause_words(pause: Mapping[str, Any], sensors: int) -> str:
    until = (
        "until the site says otherwise"
        if pause["until_ms"] == NO_END_MS
        else f"until {time.strftime('%Y-%m-%d %H:%M', time.localtime(pause['until_ms'] / 1000))}"
    )
    by = "asked for here" if pause["own"] else "set by the site"
    stays = f"; what stays: {', '.join(pause['stays'])}" if pause["stays"] else ""
    return f"Paused {until} ({by}): {sensors} sensors are neither stored nor sent{stays}."


def _with_code(sentence: str, code: str) -> str:
    return f"{sentence} {tag(code)}" if code else sentence
