"""``lum-trust audit``: look at the log, check it, hand it to somebody else."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from zero_trust.audit import Row, spell
from zero_trust.audit_check import Checked, Checkpoint, SignedCheckpoint, believe, check, parse_checkpoint
from zero_trust.audit_file import LogFile, read_evidence, write_log
from zero_trust.bundle import history
from zero_trust.errors import CredentialError, TrustError
from zero_trust.evidence import Evidence, Record, read_record, valid_as_received
from zero_trust.keystore import PRIVATE_FILE, load_certificates, write_file
from zero_trust.operator import Operator
from zero_trust.options import as_json_option, print_json, site_directory, utc
from zero_trust.reasons import Refused, reason, tag
from zero_trust.trust_set import TrustSet

EX_DATAERR = 65
LAST_DEFAULT = 20

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class _Log:
    """A log from wherever it lies."""

    site: str
    rows: Sequence[Row]
    checkpoints: Sequence[SignedCheckpoint]


@click.group()
def audit() -> None:
    """What was issued, decided, received and looked at: a log in which nothing is changed unseen."""


@audit.command()
@click.option("--last", type=click.IntRange(1, 1000), default=LAST_DEFAULT, show_default=True)
@click.option("--kind", default="", help="Only rows of this kind, such as decision or issued.")
@site_directory
@as_json_option
def show(last: int, kind: str, directory: Path, *, as_json: bool) -> None:
    """Show the last rows, newest first."""
    rows = Operator(directory).newest(last, kind)
    if as_json:
        print_json([_row_json(row) for row in rows])
        return
    for row in rows:
        click.echo(f"{row.number}  {utc(row.at_ms)}  {row.kind}  {_in_words(row)}")


@audit.command()
@click.argument("file", type=click.Path(path_type=Path))
@site_directory
def export(file: Path, directory: Path) -> None:
    """Write the whole log with its checkpoints to FILE, for an auditor. It holds no reading."""
    if file.exists():
        raise click.UsageError(f"{file} exists already; name another file.")
    log = _from_site(directory)
    lines = "".join(f"{line}\n" for line in write_log(log.site, log.rows, log.checkpoints))
    write_file(file, lines.encode(), PRIVATE_FILE)
    click.echo(f"{len(log.rows)} rows and {len(log.checkpoints)} checkpoints are in {file}.")


@audit.command()
@site_directory
def checkpoint(directory: Path) -> None:
    """Print the newest checkpoint, to be kept by somebody else: it holds the log to what it is now."""
    kept = Operator(directory).checkpoints()
    if not kept:
        click.echo("There is none yet: the intake makes one when it starts, then every hour.", err=True)
        sys.exit(EX_DATAERR)
    click.echo(kept[-1].text)
    told = kept[-1].claimed
    click.echo(f"{told.rows} rows at {utc(told.at_ms)}.", err=True)


@audit.command()
@click.argument("file", type=_file, required=False)
@click.option("--checkpoint", "kept", type=_file, help="Checkpoints that somebody else has kept, one a line.")
@click.option(
    "--root",
    type=_file,
    help="A root certificate of the site, from which the others follow; default: that in --dir.",
)
@click.option("--evidence", type=_file, help="Batches to prove, as lum-receiver evidence writes them.")
@site_directory
@as_json_option
def verify(
    file: Path | None,
    kept: Path | None,
    root: Path | None,
    evidence: Path | None,
    directory: Path,
    *,
    as_json: bool,
) -> None:
    """Check the log of the running site, or FILE as exported; with --evidence prove batches valid as received."""
    certificate = load_certificates(root or _root_of(directory))[0]
    log = _from_file(file) if file else _from_site(directory)
    signed = [*log.checkpoints, *(_kept(kept) if kept else ())]
    checked, proven = check(log.rows), 0
    faults = [*checked.faults]
    if not faults:  # what a broken log says of keys and certificates is worth nothing
        record = read_record(log.rows, {one.signed for one in _evidence(evidence)})
        trusts = history(certificate, record.bundles)
        believed, unbelieved = _believed(signed, trusts, log.site)
        checked = check(log.rows, believed)
        faults = [*checked.faults, *unbelieved]
    if not faults:
        proven, faults = _prove(_evidence(evidence), record, trusts, log.site)
    if as_json:
        print_json(_verified_json(checked, proven, faults))
    else:
        _print_verified(checked, proven, faults, asked=evidence is not None)
    sys.exit(EX_DATAERR if faults else 0)


def _from_site(directory: Path) -> _Log:
    operator = Operator(directory)
    rows = list(operator.audit())
    sites = [row.facts["site"] for row in rows if row.kind == "site"]
    return _Log(sites[-1] if sites else "", rows, operator.checkpoints())


def _from_file(file: Path) -> _Log:
    with _lines(file) as lines:
        read = LogFile(lines)
    return _Log(read.site, read.rows, read.checkpoints)


def _kept(file: Path) -> list[SignedCheckpoint]:
    with _lines(file) as lines:
        return [parse_checkpoint(line) for line in lines if line]


def _evidence(file: Path | None) -> Iterator[Evidence]:
    if file is None:
        return
    with _lines(file) as lines:
        yield from read_evidence(lines)


@contextmanager
def _lines(file: Path) -> Iterator[Iterator[str]]:
    """The lines of a text file without their ends."""
    with file.open(encoding="utf-8") as opened:
        try:
            yield (line.rstrip("\n") for line in opened)
        except UnicodeDecodeError as error:
            raise TrustError("log-malformed", f"{file} is no text") from error


def _root_of(directory: Path) -> Path:
    """The root's certificate stays with a site when its key has gone offline."""
    root = directory / "root" / "root.crt"
    if not root.exists():
        raise click.UsageError(f"There is no {root}: name the site's root certificate with --root.")
    return root


def _believed(
    signed: Iterable[SignedCheckpoint], trusts: Sequence[TrustSet], site: str
) -> tuple[list[Checkpoint], list[Refused]]:
    believed, refused = [], []
    for one in signed:
        try:
            believed.append(believe(one, trusts=trusts, site=site))
        except CredentialError as error:
            refused.append(Refused(error.code, error.detail))
    return list(dict.fromkeys(believed)), refused


def _prove(
    evidence: Iterable[Evidence], record: Record, trusts: Sequence[TrustSet], site: str
) -> tuple[int, list[Refused]]:
    outcomes = [valid_as_received(one, record, trusts=trusts, site=site) for one in evidence]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    return len(outcomes) - len(refused), refused


def _print_verified(checked: Checked, proven: int, faults: Sequence[Refused], *, asked: bool) -> None:
    for fault in faults:
        words = reason(fault.code)
        click.echo(f"{words.told(fault.detail)} {tag(fault.code)}\n  {words.hint}")
    click.echo(
        f"{checked.rows} rows, {len(faults) or 'no'} faults; the last one's hash is {checked.head.hex()[:16]}."
    )
    last = (
        f", the last at row {checked.held[-1].rows} of {utc(checked.held[-1].at_ms)}" if checked.held else ""
    )
    click.echo(f"{len(checked.held)} checkpoints hold{last}.")
    if asked:
        click.echo(f"{proven} batches are proven valid as received.")


def _verified_json(checked: Checked, proven: int, faults: Sequence[Refused]) -> dict[str, object]:
    return {
        "rows": checked.rows,
        "hash": checked.head.hex(),
        "checkpoints": len(checked.held),
        "proven": proven,
        "faults": [{"detail": fault.detail, **fault.words} for fault in faults],
    }


def _row_json(row: Row) -> dict[str, object]:
    return {
        "number": row.number,
        "at_ms": row.at_ms,
        "kind": row.kind,
        "facts": row.facts,
        "hash": row.hash.hex(),
    }


def _in_words(row: Row) -> str:
    """A decision as a sentence, anything else as its facts."""
    if row.kind != "decision":
        return spell(row.facts)
    facts = row.facts
    outcome = f"refused {tag(facts['code'])}" if facts["code"] else f"allowed {', '.join(facts['classes'])}"
    return f"{facts['who']}  {facts['action']} home {facts['home']} for {facts['purpose']}: {outcome}"
