"""The three stores of a hub's keys keep one contract: files, a PKCS#11 token (SoftHSM2), a TPM 2.0 (swtpm)."""

from __future__ import annotations

import base64
import contextlib
import os
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.helpers.chips import MODULE, PIN, Chip, SoftToken, SoftTpm, chip_of_kind
from tests.helpers.disk_image import any_private_key_in, private_keys_in
from zero_trust import hub_keys, keys, keystore
from zero_trust.chips.key import ChipKey
from zero_trust.errors import KeyStoreError, SignatureError
from zero_trust.reasons import reason

# The TPM's driver is compiled on the spot, for a minute, with headers that nothing else needs: make test-long.
TOKEN = pytest.param("pkcs11", marks=pytest.mark.needs("softhsm2-util"))
TPM = pytest.param("tpm", marks=pytest.mark.long)
STORES, CHIPS = ["file", TOKEN, TPM], [TOKEN, TPM]


@dataclass
class Desk:
    """A chip, and a hub's state directory."""

    chip: Chip
    state: Path

    @property
    def store(self) -> hub_keys.KeyStore:
        """The hub's keys, as its configuration opens them."""
        return self.chip.settings.open(self.state)

    def refused(self, ask: Callable[[], object]) -> KeyStoreError:
        """What the store says to that."""
        with pytest.raises(KeyStoreError) as refused:
            ask()
        return refused.value


@pytest.fixture
def desk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """One for the kind of store that the test asks for."""
    with chip_of_kind(request.param, tmp_path, monkeypatch) as chip:
        yield Desk(chip, tmp_path / "state")


@pytest.mark.parametrize("desk", STORES, indirect=True)
def test_a_key_is_made_once_and_signs_after_every_restart(desk: Desk) -> None:
    """The same name is the same key; another name is another one; what one signs the other did not."""
    made = desk.store.make(hub_keys.IDENTITY)
    other = desk.store.make(hub_keys.DATA).public_key()
    desk.chip.restart()
    public = made.public_key()

    for key in (made, desk.store.make(hub_keys.IDENTITY), desk.store.load(hub_keys.IDENTITY)):
        assert key.public_key() == public != other
        signature = keys.sign(key, b"a batch")
        keys.verify(public, signature, b"a batch")
        with pytest.raises(SignatureError):
            keys.verify(public, signature, b"another batch")
        with pytest.raises(SignatureError):
            keys.verify(other, signature, b"a batch")


@pytest.mark.parametrize("desk", STORES, indirect=True)
def test_what_was_never_made_is_missing(desk: Desk) -> None:
    """Loading makes nothing."""
    assert desk.refused(lambda: desk.store.load(hub_keys.IDENTITY)).code == "key-missing"
    assert not desk.state.exists()


@pytest.mark.parametrize("desk", STORES, indirect=True)
def test_what_is_kept_is_its_owners_alone(desk: Desk) -> None:
    """0600 in 0700; what others could read or what is damaged is not used."""
    desk.store.make(hub_keys.IDENTITY)
    [file] = desk.state.iterdir()
    assert (file.stat().st_mode & 0o777, desk.state.stat().st_mode & 0o777) == (0o600, 0o700)

    file.chmod(0o640)
    assert desk.refused(lambda: desk.store.load(hub_keys.IDENTITY)).code == "key-readable-by-others"
    file.chmod(0o600)
    file.write_bytes(b"damaged")
    assert desk.refused(lambda: desk.store.load(hub_keys.IDENTITY)).code == "key-unreadable"


@pytest.mark.parametrize("desk", STORES, indirect=True)
def test_a_power_cut_while_a_key_is_made_leaves_a_store_that_works(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before each change of a file, and before the chip has made it: the next attempt brings one key."""
    for at in range(20):
        name = f"key-{at}"
        with monkeypatch.context() as patch:
            steps = _cut_before_step(patch, at)
            try:
                desk.store.make(name)
            except ZeroDivisionError:
                desk.chip.restart()
        key = desk.store.make(name)
        keys.verify(key.public_key(), keys.sign(key, b"m"), b"m")
        assert desk.store.load(name).public_key() == key.public_key()
        if not steps():
            break
    assert 3 < at < 19


def _cut_before_step(patch: pytest.MonkeyPatch, at: int) -> Callable[[], bool]:
    """Fail before the ``at``-th change of a file; the answer is whether that has happened."""
    steps = 0

    def guarded(act: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps > at:
                raise ZeroDivisionError
            return act(*arguments, **named)

        return step

    for owner, names in ((os, ("open", "fsync", "urandom")), (Path, ("mkdir", "rename"))):
        for name in names:
            patch.setattr(owner, name, guarded(getattr(owner, name)))
    if "zero_trust.chips.pkcs11" in sys.modules:
        token = sys.modules["zero_trust.chips.pkcs11"].Token
        patch.setattr(token, "make", guarded(token.make))
    return lambda: steps > at


@pytest.mark.parametrize("desk", STORES, indirect=True)
def test_a_copy_of_the_directory_holds_a_key_only_where_there_is_no_chip(desk: Desk) -> None:
    """A thief finds the keys in files, in whatever spelling; of those in a chip he finds nothing."""
    publics = [desk.store.make(name).public_key() for name in (hub_keys.IDENTITY, hub_keys.DATA)]
    in_files = isinstance(desk.chip.settings, hub_keys.FileKeys)

    assert private_keys_in(desk.state, publics) == (publics if in_files else [])
    assert any_private_key_in(desk.state) == (["data.key", "identity.key"] if in_files else [])


@pytest.mark.parametrize("spelled", ["raw", "reversed", "hex", "decimal", "base64", "der", "sec1"])
def test_the_thief_would_find_a_key(tmp_path: Path, spelled: str) -> None:
    """The test above would pass on a thief who cannot read: each spelling is found, amid other things."""
    key = keys.generate_key()
    number = key.private_numbers().private_value
    octets = number.to_bytes(32, "big")
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    der = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
    plain = serialization.NoEncryption()
    texts = {
        "raw": octets,
        "reversed": octets[::-1],
        "hex": f"{number:064x}".encode(),
        "decimal": str(number).encode(),
        "base64": b"eA" + base64.b64encode(b"x" + octets + b"y"),
        "der": key.private_bytes(*der, plain),
        "sec1": key.private_bytes(*pem, plain),
    }
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"\x00before " + texts[spelled] + b" after\xff")

    wanted = [keys.generate_key().public_key(), key.public_key()]
    assert private_keys_in(tmp_path, wanted) == wanted[1:]


@pytest.mark.parametrize("desk", CHIPS, indirect=True)
def test_a_copy_without_the_chip_cannot_sign(desk: Desk) -> None:
    """Another chip in its place, or none: refused, each with a sentence and what to do."""
    desk.store.make(hub_keys.IDENTITY)
    for happens, code in ((desk.chip.exchange, "key-not-in-chip"), (desk.chip.unplug, "chip-absent")):
        happens()
        desk.chip.restart()
        refused = desk.refused(lambda: desk.store.load(hub_keys.IDENTITY))

        assert (refused.code, refused.hint) == (code, reason(code).hint)
        assert str(refused).startswith(reason(code).sentence.removesuffix("."))


@pytest.mark.parametrize("desk", CHIPS, indirect=True)
def test_a_chip_that_goes_away_and_comes_back_signs_again(desk: Desk) -> None:
    """The running hub says what is wrong, and needs no restart once it is mended."""
    key = desk.store.make(hub_keys.DATA)
    desk.chip.unplug()
    for _ in range(2):
        assert desk.refused(lambda: keys.sign(key, b"m")).code == "chip-absent"
    desk.chip.plug()

    keys.verify(key.public_key(), keys.sign(key, b"m"), b"m")


@pytest.mark.parametrize("desk", CHIPS, indirect=True)
def test_a_chip_that_was_reset_meanwhile_is_not_even_noticed(desk: Desk) -> None:
    """What was loaded or logged in is lost with it; the first signature asked for is given all the same."""
    key = desk.store.make(hub_keys.DATA)
    desk.chip.unplug()
    desk.chip.plug()

    keys.verify(key.public_key(), keys.sign(key, b"m"), b"m")


@pytest.mark.parametrize("desk", CHIPS, indirect=True)
def test_a_key_in_a_chip_passes_for_any_other_of_cryptographys(desk: Desk) -> None:
    """A certificate request is signed by it; it hands out nothing, and its name says where it is."""
    key = desk.store.make(hub_keys.IDENTITY)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())

    assert request.is_signature_valid
    assert request.public_key() == key.public_key()
    assert (key.curve.name, key.key_size) == ("secp256r1", 256)
    assert desk.store.place in repr(key)
    with pytest.raises(NotImplementedError):
        key.private_numbers()
    with pytest.raises(NotImplementedError):
        keystore.key_pem(key)
    with pytest.raises(NotImplementedError):
        key.exchange(ec.ECDH(), keys.generate_key().public_key())
    with pytest.raises(ValueError, match="SHA-256 only"):
        key.sign(b"m", ec.ECDSA(hashes.SHA384()))


def test_cryptographys_base_class_asks_for_what_a_key_in_a_chip_has() -> None:
    """It promises outsiders no stable base class: a new duty of it shows here, not in a home."""
    assert ec.EllipticCurvePrivateKey.__abstractmethods__ == {
        "__copy__",
        "__deepcopy__",
        "curve",
        "exchange",
        "key_size",
        "private_bytes",
        "private_numbers",
        "public_key",
        "sign",
    }
    assert ChipKey.__abstractmethods__ == frozenset()


@pytest.mark.parametrize("kind", ["tpm", "pkcs11"])
def test_a_chip_whose_software_is_missing_is_named(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub image carries only what it needs; whoever configures more is told what that takes."""
    settings: Mapping[str, hub_keys.Settings] = {
        "tpm": hub_keys.TpmKeys(),
        "pkcs11": hub_keys.Pkcs11Keys(module="m", token="t", pin_file="p"),
    }
    for name in ("tpm2_pytss", "pkcs11", f"zero_trust.chips.{kind}"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(KeyStoreError, match=rf"lum\[{kind}\]") as refused:
        settings[kind].open(tmp_path)
    assert refused.value.code == "chip-software-missing"


@pytest.mark.needs("softhsm2-util")
@pytest.mark.parametrize("desk", ["pkcs11"], indirect=True)
def test_a_tokens_key_was_born_there_and_may_not_leave(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no power cut leaves a key on it that no file speaks of: a token has little room."""
    for at in range(20):
        with monkeypatch.context() as patch, contextlib.suppress(ZeroDivisionError):
            _cut_before_step(patch, at)
            desk.store.make(f"key-{at}")
    assert isinstance(desk.chip, SoftToken)
    told = {bytes.fromhex(file.read_text()) for file in desk.state.glob("*.pkcs11")}
    desk.chip.restart()

    token = pkcs11.lib(MODULE).get_token(token_label=desk.chip.label)
    with token.open(user_pin=PIN) as session:
        kept = list(session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY}))
        assert {key[pkcs11.Attribute.ID] for key in kept} <= told
        assert len(kept) > 10
        for key in kept:
            assert key[pkcs11.Attribute.ALWAYS_SENSITIVE]
            assert key[pkcs11.Attribute.NEVER_EXTRACTABLE]
            assert key[pkcs11.Attribute.LOCAL]
            with pytest.raises(pkcs11.exceptions.AttributeSensitive):
                _ = key[pkcs11.Attribute.VALUE]


@pytest.mark.long
@pytest.mark.parametrize("desk", ["tpm"], indirect=True)
def test_a_tpms_key_was_born_there_and_may_not_leave(desk: Desk) -> None:
    """Neither to another TPM nor under another parent, by what it attests of itself."""
    from tpm2_pytss.constants import TPMA_OBJECT  # noqa: PLC0415
    from tpm2_pytss.tsskey import TSSPrivKey  # noqa: PLC0415

    desk.store.make(hub_keys.IDENTITY)
    kept = TSSPrivKey.from_pem((desk.state / "identity.tpm").read_bytes())
    fixed = TPMA_OBJECT.FIXEDTPM | TPMA_OBJECT.FIXEDPARENT | TPMA_OBJECT.SENSITIVEDATAORIGIN

    assert kept.public.publicArea.objectAttributes & fixed == fixed


@pytest.mark.needs("softhsm2-util")
@pytest.mark.parametrize("desk", ["pkcs11"], indirect=True)
def test_a_wrong_pin_is_tried_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token locks itself after a few; the same one again never reaches it, a corrected one does."""
    desk.store.make(hub_keys.IDENTITY)
    desk.chip.restart()
    assert isinstance(desk.chip, SoftToken)
    right = desk.chip.pin_file.read_text()
    desk.chip.pin_file.write_text("00000000")
    assert desk.refused(lambda: desk.store.load(hub_keys.IDENTITY)).code == "pin-wrong"

    with monkeypatch.context() as patch:
        patch.setattr(pkcs11, "lib", None)
        again = desk.refused(lambda: desk.store.load(hub_keys.IDENTITY))
    assert (again.code, again.hint) == ("pin-wrong", reason("pin-wrong").hint)

    desk.chip.pin_file.write_text(right)
    desk.store.load(hub_keys.IDENTITY)


@pytest.mark.needs("softhsm2-util")
@pytest.mark.parametrize("desk", ["pkcs11"], indirect=True)
def test_the_pin_shows_nowhere(desk: Desk) -> None:
    """Not in what is said when it is wrong, nor in what stands for the store or its keys."""
    assert isinstance(desk.chip, SoftToken)
    key = desk.store.make(hub_keys.IDENTITY)
    desk.chip.restart()
    desk.chip.pin_file.write_text("62626262")
    refused = desk.refused(lambda: desk.store.load(hub_keys.IDENTITY))
    shown = f"{refused} {refused!r} {refused.__cause__!r} {desk.store!r} {vars(desk.store)} {key!r}"

    assert "62626262" not in shown
    assert PIN not in shown


@pytest.mark.needs("softhsm2-util")
@pytest.mark.parametrize("desk", ["pkcs11"], indirect=True)
def test_a_pin_that_is_missing_or_public_is_said(desk: Desk) -> None:
    """The file is named, and what to do about it."""
    assert isinstance(desk.chip, SoftToken)
    desk.chip.pin_file.chmod(0o644)
    assert desk.refused(lambda: desk.store.make(hub_keys.DATA)).code == "key-readable-by-others"
    desk.chip.pin_file.unlink()
    refused = desk.refused(lambda: desk.store.make(hub_keys.DATA))

    assert (refused.code, str(desk.chip.pin_file) in str(refused)) == ("pin-missing", True)


@pytest.mark.needs("softhsm2-util")
@pytest.mark.parametrize(
    ("raised", "code"),
    [
        ("PinLocked", "pin-locked"),
        ("PinLenRange", "pin-wrong"),
        ("DeviceMemory", "chip-full"),
        ("TokenWriteProtected", "chip-failed"),
    ],
)
@pytest.mark.parametrize("desk", ["pkcs11"], indirect=True)
def test_what_a_token_says_is_put_into_words(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, raised: str, code: str
) -> None:
    """SoftHSM2 neither locks itself nor gets full; other tokens do."""

    class Unwilling:
        """A token that always says the same."""

        def get_token(self, **_: object) -> Unwilling:
            return self

        def open(self, **_: object) -> None:
            raise getattr(pkcs11.exceptions, raised)

    with monkeypatch.context() as patch:
        patch.setattr(pkcs11, "lib", lambda _: Unwilling())
        refused = desk.refused(lambda: desk.store.make(hub_keys.IDENTITY))

    assert refused.code == code
    assert refused.hint


@pytest.mark.long
@pytest.mark.parametrize("desk", ["tpm"], indirect=True)
def test_a_tpm_that_others_have_filled_is_full(desk: Desk) -> None:
    """Without a resource manager a TPM has room for three keys; ours are let go of in the end."""
    from tpm2_pytss import ESAPI  # noqa: PLC0415
    from tpm2_pytss.tsskey import TSSPrivKey  # noqa: PLC0415

    assert isinstance(desk.chip, SoftTpm)
    for _ in range(4):  # what is not let go of would add up
        desk.store.make(hub_keys.IDENTITY)
        desk.store.make(hub_keys.DATA)
        desk.chip.restart()

    with ESAPI(desk.chip.address) as other:
        key = TSSPrivKey.create_ecc(other)
        for _ in range(2):
            key.load(other)
    assert desk.refused(lambda: desk.store.load(hub_keys.IDENTITY)).code == "chip-full"


@pytest.mark.parametrize("desk", CHIPS, indirect=True)
def test_no_damage_to_what_is_kept_is_a_crash(desk: Desk) -> None:
    """Any octet of the file changed, or its end cut off: refused in our own words, or the key is as it was."""
    public = desk.store.make(hub_keys.IDENTITY).public_key()
    [file] = desk.state.iterdir()
    kept, chance = file.read_bytes(), random.Random(7)
    for at in range(0, len(kept), 7):
        for damaged in (kept[:at], kept[:at] + chance.randbytes(1) + kept[at + 1 :]):
            file.write_bytes(damaged)
            with contextlib.suppress(KeyStoreError):
                key = desk.store.load(hub_keys.IDENTITY)
                assert key.public_key() == public
                keys.verify(public, keys.sign(key, b"m"), b"m")
