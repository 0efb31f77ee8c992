"""``lum-trust voucher``: the right to enrol one hub, as text, as a QR code and as a picture."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from zero_trust import voucher_qr
from zero_trust.errors import TrustError
from zero_trust.keystore import PRIVATE_FILE, write_file
from zero_trust.operator import Operator
from zero_trust.options import as_json_option, print_json, site_directory, utc


@click.group()
def voucher() -> None:
    """Vouchers: the right to enrol one hub in one home."""


@voucher.command("new")
@click.option("--home", required=True, help="Id of the home: a-z, 0-9 and -; no name, no address.")
@click.option(
    "--png",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it as a picture, for your eyes only, and show it nowhere else.",
)
@click.option(
    "--qr/--no-qr", default=None, help="Draw it here to be scanned; default: on a terminal, without --png."
)
@site_directory
@as_json_option
def voucher_new(home: str, png: Path | None, directory: Path, *, qr: bool | None, as_json: bool) -> None:
    """Make a voucher: for one hub, once, within 48 hours."""
    drawn = qr or (qr is None and png is None and not as_json and sys.stdout.isatty())
    _see_that_writable(png)  # and that it can be drawn, before a voucher is made that nobody would see
    if png or drawn:
        voucher_qr.drawing()
    made = Operator(directory).new_voucher(home)
    text = str(made["voucher"])
    if png:
        write_file(png, voucher_qr.png(text), PRIVATE_FILE)
    if as_json:
        print_json(made)
        return
    if drawn:
        click.echo(voucher_qr.terminal(text), color=True)
    if drawn or png is None:
        click.echo(text)
    where = f"It is in {png}: show it to the installer alone, then delete it.\n" if png else ""
    click.echo(
        f"{where}For one hub in home {made['home']}, once, until {utc(made['expires_ms'])}.\n"
        "On the hub: lum-hub enrol, then scan it; or lum-hub enrol VOUCHER",
        err=True,
    )


def _see_that_writable(file: Path | None) -> None:
    """See that a new file can be made there.

    Raises:
        TrustError: ``file-exists`` or ``directory-unusable``.
    """
    if file is None:
        return
    if file.exists():
        raise TrustError("file-exists", str(file))
    if not os.access(file.absolute().parent, os.W_OK | os.X_OK):
        raise TrustError("directory-unusable", str(file.absolute().parent))
