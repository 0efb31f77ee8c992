"""What it costs a hub that its keys are in a chip."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bench.harness import Figure, Samples, at_most, elapsed_ms, in_turns
from tests.helpers.chips import chip_of_kind
from zero_trust import hub_keys, keys

ROUNDS = 50
BATCH = bytes(2_000)


def signing() -> list[Figure]:
    """Milliseconds for one signature over a batch of 2 kB by the data key of each store; the hub's other tasks wait.

    The chips are emulated (SoftHSM2, swtpm) and so tell what our own way to them costs, and nothing of
    real ones. What is not installed is left out.
    """
    with contextlib.ExitStack() as stack:
        signers = {kind: stack.enter_context(_signer(kind)) for kind in ("file", *_emulated())}
        values = dict(zip(signers, in_turns(ROUNDS, *map(elapsed_ms, signers.values())), strict=True))
    files = Samples("limit: a file's key", values.pop("file"))
    return [
        Figure(Samples(f"signature, key in {kind}", found), "ms", at_most(50), (files,))
        for kind, found in values.items()
    ]


def _emulated() -> list[str]:
    kinds = ["pkcs11"] if shutil.which("softhsm2-util") else []
    return kinds + (["tpm"] if shutil.which("swtpm") and importlib.util.find_spec("tpm2_pytss") else [])


@contextlib.contextmanager
def _signer(kind: str) -> Iterator[Callable[[], bytes]]:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        directory = Path(name)
        with chip_of_kind(kind, directory, patch) as chip:
            key = chip.settings.open(directory / "state").make(hub_keys.DATA)
            yield lambda: keys.sign(key, BATCH)
