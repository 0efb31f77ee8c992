"""The firmware's pure modules run by MicroPython itself, with the chip's own AES."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from hil_tests.rig.process import command
from tests.helpers.firmware import FIRMWARE

SEAL = """
import json, sys
from binascii import hexlify, unhexlify
import ccm
from cryptolib import aes
for key, nonce, plain in json.loads(sys.stdin.read()):
    sealed = ccm.seal(aes(unhexlify(key), 1), unhexlify(nonce), unhexlify(plain))
    print(hexlify(sealed).decode())
"""
RESERVE = """
from counter import Counter
from flash import Flash
counter = Counter(Flash())
print(*[counter.take() for _ in range(300)])
"""


def _run(script: str, directory: Path, told: str = "") -> list[str]:
    ran = subprocess.run(
        [command("micropython"), "-c", script],
        cwd=directory,
        env={"MICROPYPATH": f"{FIRMWARE}:.frozen"},
        input=told,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.splitlines()


def test_what_micropython_seals_others_open(tmp_path: Path) -> None:
    """AES-CCM on the chip's block cipher gives the bytes of another implementation."""
    source = random.Random(1)
    cases = [(source.randbytes(16), source.randbytes(13), source.randbytes(size)) for size in range(40)]
    sealed = _run(SEAL, tmp_path, json.dumps([[part.hex() for part in case] for case in cases]))

    assert sealed == [
        AESCCM(key, tag_length=4).encrypt(nonce, plain, None).hex() for key, nonce, plain in cases
    ]


def test_the_counter_goes_on_from_its_file(tmp_path: Path) -> None:
    """One process after another: the second begins where the first had reserved to."""
    first, second = (_run(RESERVE, tmp_path)[0].split() for _ in range(2))

    assert (first[0], first[-1], second[0]) == ("1", "300", "511")
    assert [file.name for file in tmp_path.iterdir()] == ["counter"]
