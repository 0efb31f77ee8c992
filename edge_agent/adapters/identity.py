"""Who an enrolled hub is: its name, its lasting keys, whom it believes, and where its site answers.

All of it lies in the state directory as ``credential``, beside the keys (or what leads to them in a chip,
``zero_trust/hub_keys.py``) and the newest trust bundle (``bundle.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.adapters.bundle import TrustedBundle, load_bundle
from edge_agent.errors import CredentialError
from zero_trust import enrolment, fields, hub_keys, keys
from zero_trust.credential import certificate_bytes, certificate_key, certificate_name
from zero_trust.errors import KeyStoreError, TrustError
from zero_trust.hub_keys import KeyStore
from zero_trust.keystore import IN_FILES, read_private, write_private
from zero_trust.names import HubName
from zero_trust.trust_set import TrustSet

FILE = "credential"

_VERSION = 1


@dataclass(frozen=True, slots=True)
class HubIdentity:
    """An enrolled hub: who it is, its lasting keys, and whom it believes.

    Attributes:
        name: site, home and hub id.
        identity_key: proves who this hub is; never leaves it.
        data_key: signs batches.
        data_certificate: DER, for ``data_key``.
        bundle: whom it believes, and how it goes on to newer ones.
        authority_host: where the authority answers ...
        authority_port: ... over HTTPS.
        broker_host: where batches go ...
        broker_port: ... by MQTT over TLS.
        state_dir: where the hub keeps what it must not forget.
        key_place: where its lasting keys are, in words.
    """

    name: HubName
    identity_key: keys.PrivateKey = field(repr=False)
    data_key: keys.PrivateKey = field(repr=False)
    data_certificate: bytes = field(repr=False)
    bundle: TrustedBundle = field(repr=False)
    authority_host: str
    authority_port: int
    broker_host: str
    broker_port: int
    state_dir: Path
    key_place: str = IN_FILES

    @property
    def trust(self) -> TrustSet:
        """Whom it believes now."""
        return self.bundle.trust

    @property
    def site(self) -> str:
        """The site it reports to."""
        return self.name.site

    @property
    def home(self) -> str:
        """The home it serves."""
        return self.name.home

    @property
    def hub(self) -> str:
        """Its id, which is its MQTT client id too."""
        return self.name.hub

    @property
    def words(self) -> str:
        """Four words that operations see as well."""
        return keys.four_words(self.identity_key.public_key())


def load_identity(state_dir: Path, keys_kept: hub_keys.Settings = hub_keys.FILES) -> HubIdentity:
    """Read what enrolment left; ``keys_kept`` as it was then.

    Raises:
        CredentialError: not enrolled, or a key or the credential cannot be used.
    """
    if not is_enrolled(state_dir):
        raise credential_error(TrustError("not-enrolled"))
    try:
        return read_identity(state_dir, keys_kept.open(state_dir))
    except TrustError as error:
        raise credential_error(error) from error


def is_enrolled(state_dir: Path) -> bool:
    """Whether a credential was ever kept there."""
    return (state_dir / FILE).exists()


def keep_credential(state_dir: Path, host: str, port: int, answer: bytes) -> None:
    """Keep what the authority at ``host:port`` answered, as received: from then on this hub is enrolled."""
    write_private(state_dir / FILE, fields.pack(_VERSION, host, port, answer))


def read_identity(state_dir: Path, keystore: KeyStore) -> HubIdentity:
    """As :func:`load_identity`, in the words of ``zero_trust``.

    Raises:
        TrustError: a key or the credential cannot be used.
    """
    layout = (int, str, int, bytes)
    packed = read_private(state_dir / FILE)
    version, host, port, answer_packed = fields.unpack(packed, layout, code="key-unreadable")
    if version != _VERSION:
        raise KeyStoreError("key-unreadable", f"{state_dir / FILE} has version {version}")
    answer = enrolment.Answer.unpack(answer_packed)
    identity, data = keystore.load(hub_keys.IDENTITY), keystore.load(hub_keys.DATA)
    name = certificate_name(answer.data_certificate)
    if certificate_key(answer.data_certificate) != data.public_key() or not isinstance(name, HubName):
        raise KeyStoreError("key-unreadable", f"the data key in {state_dir} is not the one that was enrolled")
    return HubIdentity(
        name=name,
        identity_key=identity,
        data_key=data,
        data_certificate=certificate_bytes(answer.data_certificate),
        bundle=load_bundle(state_dir, answer.trust),
        authority_host=host,
        authority_port=port,
        broker_host=answer.broker_host,
        broker_port=answer.broker_port,
        state_dir=state_dir,
        key_place=keystore.place,
    )


def credential_error(error: TrustError) -> CredentialError:
    """The same in the agent's own words."""
    return CredentialError(str(error), hint=error.hint, code=error.code)
