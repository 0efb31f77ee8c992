"""What runs prove, for people and for machines: a timeline to look at, JUnit, JSON. Pure."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hil_tests.rig.errors import RigError
from hil_tests.runner import Result
from hil_tests.verdict import Verdict

TEMPLATES = Path(__file__).with_name("templates")
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # no XML can hold it
FORMAT = 2  # of a kept run
STRIP_PERCENT_MIN = 0.4  # what is over at once must still be seen


def facts(result: Result) -> dict[str, Any]:
    """One run as plain facts: everything a timeline is drawn from, and the line that runs it again."""
    began = result.began
    return {
        "format": FORMAT,
        "title": result.scenario.title,
        "promise": result.scenario.promise,
        "file": result.file,
        "seed": result.seed,
        "verdict": result.verdict.value,
        "sentences": result.sentences,
        "seconds": round(result.seconds, 1),
        "replay": result.replay,
        "radio": result.scenario.hub.radio,
        "capture": None if result.capture is None else asdict(result.capture),
        "figures": result.figures,
        "faults": [
            asdict(one) | {"at_s": round(one.at - began, 2), "until_s": round(one.until - began, 2)}
            for one in result.evidence
        ],
        "believed": [
            {"at_s": round(look.at - began, 2), "uplink": look.uplink, "alarms": list(look.alarms)}
            for look in result.looks
        ],
        "blind": [
            {
                "from_s": round(span["start"] - began, 2),
                "to_s": round(span["end"] - began, 2),
                "why": span["what"],
            }
            for span in result.blind
        ],
        "missing": [
            {
                "at_s": round(lack["delivered_at"] - began, 2),
                "sensor": lack["sensor"],
                "kind": lack["kind"],
                "value": lack["value"],
            }
            for lack in result.missing
        ],
        "stored": [
            {
                "at_s": round(row["happened_ms"] / 1000 - began, 2),
                "known_s": round(row["received_ms"] / 1000 - began, 2),
                "sensor": row["sensor"],
                "kind": row["kind"],
                "value": row["value"],
                "flags": row.get("flags", []),
            }
            for row in result.stored
        ],
    }


def summary(results: Sequence[Result], seconds: float) -> dict[str, Any]:
    """The last line of ``lum-hil run --json``; all took ``seconds`` on the clock of the wall."""
    counted = {verdict: sum(one.verdict is verdict for one in results) for verdict in Verdict}
    return {
        "run": len(results),
        "passed": counted[Verdict.PASSED],
        "failed": counted[Verdict.FAILED],
        "invalid": counted[Verdict.INVALID],
        "expected_failures": counted[Verdict.EXPECTED],
        "faults_fired": sum(one.fired for result in results for one in result.evidence),
        "seconds": round(seconds, 1),
    }


def junit(runs: Iterable[dict[str, Any]]) -> str:
    """JUnit XML, a test case a run; an invalid run is an error, an expected failure a skip with its reason."""
    suite = ET.Element("testsuite", name="lum-hil")
    for run in runs:
        case = ET.SubElement(
            suite, "testcase", classname=str(run["promise"]), name=run["title"], time=str(run["seconds"])
        )
        words = "\n".join([*run["sentences"], run["replay"]])
        tag = {"failed": "failure", "invalid": "error", "expected failure": "skipped"}.get(run["verdict"])
        if tag is not None:
            ET.SubElement(case, tag, message=run["sentences"][0] if run["sentences"] else "").text = words
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for tag, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))
    ET.indent(suite)
    return _UNPRINTABLE.sub("?", ET.tostring(suite, encoding="unicode", xml_declaration=True))


def page(runs: Sequence[dict[str, Any]], made: datetime | None = None) -> str:
    """One self-contained HTML page: what happened, what the hub believed, where they differ."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    when = (made or datetime.now(UTC)).strftime("%d %B %Y, %H:%M UTC")
    return environment.get_template("report.html").render(runs=[_drawn(run) for run in runs], made=when)


def save(result: Result, directory: Path) -> Path:
    """Keep one run's facts as a file of its own; gives its path."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"{result.name}.json"
    file.write_text(json.dumps(facts(result), ensure_ascii=False, indent=1))
    return file


def load(directory: Path) -> list[dict[str, Any]]:
    """All runs that were kept, those that did not pass first.

    Raises:
        RigError: a file is no run, or one of another version of the rig.
    """
    runs = [_kept(file) for file in sorted(directory.glob("*.json"))]
    return sorted(runs, key=lambda run: (run["verdict"] == "passed", run["promise"] or "", run["title"]))


def _kept(file: Path) -> dict[str, Any]:
    try:
        run = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise RigError(f"{file} cannot be read as a run: {error}.", hint="Remove it.") from error
    if not isinstance(run, dict) or run.get("format") != FORMAT:
        raise RigError(f"{file} was not kept by this version of the rig.", hint="Run that scenario again.")
    return run


def _drawn(run: dict[str, Any]) -> dict[str, Any]:
    """A run with everything placed on a strip from 0 to 100 %."""
    end = max(1.0, run["seconds"])
    sensors = sorted({row["sensor"] for row in run["stored"] + run["missing"]})
    return run | {
        "beliefs": _beliefs(run["believed"], end),
        "rows": [{"sensor": sensor, "dots": _dots(run, sensor, end)} for sensor in sensors],
        "strips": [_fault(one, end) for one in run["faults"]],
        "dark": [
            _strip(one["from_s"], one["to_s"], end, f"blind: {one['why']}", "blind") for one in run["blind"]
        ],
        "ticks": [{"left": _percent(second, end), "second": second} for second in range(0, int(end) + 1, 5)],
    }


def _percent(at: float, end: float) -> float:
    return round(100 * at / end, 2)


def _strip(start: float, stop: float, end: float, words: str, look: str) -> dict[str, Any]:
    width = min(100, max(STRIP_PERCENT_MIN, _percent(stop - start, end)))
    return {"left": _percent(start, end), "width": width, "words": words, "look": look}


def _fault(one: dict[str, Any], end: float) -> dict[str, Any]:
    look = "fault" if one["fired"] else "unfired"
    return _strip(one["at_s"], one["until_s"], end, f"{one['fault']}: {one['sentence']}", look)


def _beliefs(believed: list[dict[str, Any]], end: float) -> list[dict[str, Any]]:
    stops = [*(one["at_s"] for one in believed), end][1:]  # none, if the hub was never looked at
    return [
        _strip(one["at_s"], stop, end, _belief(one), _look(one))
        for one, stop in zip(believed, stops, strict=True)
    ]


def _dots(run: dict[str, Any], sensor: str, end: float) -> list[dict[str, Any]]:
    told = [
        (row, _stored(row), "doubted" if "counter-reset" in row["flags"] else "") for row in run["stored"]
    ]
    lost = [(row, f"{row['kind']} {row['value']}: lost", "lost") for row in run["missing"]]
    return [
        {"left": _percent(row["at_s"], end), "words": words, "look": look}
        for row, words, look in told + lost
        if row["sensor"] == sensor
    ]


def _stored(row: dict[str, Any]) -> str:
    late_s = row["known_s"] - row["at_s"]
    return ", ".join([f"{row['kind']} {row['value']}", f"known {late_s:.1f} s later", *row["flags"]])


def _belief(look: dict[str, Any]) -> str:
    return "; ".join(part for part in (look["uplink"], ", ".join(look["alarms"])) if part)


def _look(look: dict[str, Any]) -> str:
    if look["uplink"] in {"down", "online"} and not look["alarms"]:
        return str(look["uplink"])
    return "alarm" if look["alarms"] else "offline"
