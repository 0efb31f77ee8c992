"""The enrolment under way, as it lies in the state directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from zero_trust import enrolment, keys
from zero_trust.errors import TrustError
from zero_trust.keystore import read_private, write_private
from zero_trust.pending import Pending
from zero_trust.voucher import Voucher

FILE: Final = "enrol-request"


def read_pending(state_dir: Path) -> Pending | None:
    """The enrolment under way, or the one that has brought the credential."""
    file = state_dir / FILE
    if not file.exists():
        return None
    packed = read_private(file)
    try:
        return Pending.unpack(packed)
    except TrustError:  # damaged: nothing that anybody could be asked
        return None


def pending_with(
    voucher: Voucher, identity: keys.PrivateKey, data: keys.PrivateKey, state_dir: Path
) -> Pending:
    """The request that was kept, if it was made with this voucher (wherever that now leads); else a new one, kept."""
    before = read_pending(state_dir)
    if before and enrolment.made_with(before.request, voucher):
        pending = Pending.of(voucher, before.request)
    else:
        request = enrolment.make_request(voucher, identity, data, os.urandom(enrolment.NONCE_BYTES))
        pending = Pending.of(voucher, request)
    if pending != before:
        write_private(state_dir / FILE, pending.packed)
    return pending


def drop_pending(state_dir: Path) -> None:
    """It was refused: the next attempt is another one."""
    (state_dir / FILE).unlink(missing_ok=True)
