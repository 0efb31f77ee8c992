"""The site's configuration: ``receiver.toml``, read once, strict, every limit named.

Paths are relative to the file's own directory, so that a site directory can be moved.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from cloud_sync.receiver.address import Address
from cloud_sync.receiver.channels import Channel

S = TypeVar("S", bound=msgspec.Struct)
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]


class ReceiverConfigError(Exception):
    """The configuration cannot be used; the sentence names file and key."""

    exit_code = 78  # sysexits: EX_CONFIG

    def __init__(self, sentence: str, *, hint: str) -> None:
        super().__init__(sentence)
        self.hint = hint


class Ports(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """TCP ports that the site listens on."""

    mqtt: Port = 8883
    nats: Port = 4222
    authority: Port = 8443
    portal: Port = 8080


class Paths(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Directories and files, absolute once loaded."""

    authority: Path = Path("authority")
    broker: Path = Path("broker")
    intake: Path = Path("intake")
    portal: Path = Path("portal")
    store: Path = Path("store/lum.db")
    run: Path = Path("run")
    policy: Path = Path("policy.toml")
    grants: Path = Path("grants.toml")
    homes: Path = Path("homes")

    @property
    def admin_socket(self) -> Path:
        """The authority's admin API, for the first operator on the same machine."""
        return self.run / "authority.sock"


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Maximums. Whatever exceeds one is refused, with a reason."""

    envelope_max_bytes: Positive = 262_144
    request_max_bytes: Positive = 8_192
    requests_pending_max: Positive = 256
    nonces_max: Positive = 10_000
    nonce_age_max_s: Positive = 120
    voucher_age_max_s: Positive = 172_800
    refusals_kept_max: Positive = 10_000


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many days what reached the site is kept; then it is erased. The reasons: README.md, "How long"."""

    readings_days: Annotated[int, msgspec.Meta(ge=1, le=400)] = 100
    derived_days: Annotated[int, msgspec.Meta(ge=1, le=1_100)] = 400
    evidence_days: Annotated[int, msgspec.Meta(ge=1, le=3_653)] = 1_096


class ConsentRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``needed``: what nobody has agreed to is not asked. False is for benches, where nobody lives."""

    needed: bool = True


class GuardConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The watch over the watch.

    Attributes:
        age_max_s: the watch must have looked within it; about each home it must have asked within 120 s.
        ping: whom outside to tell that all is well, ever again; its address is a secret. None: nobody.
        ping_method: how.
        ping_period_s: how often.
        ca: certificates (PEM) that vouch for them; default: those of the system.
    """

    age_max_s: Annotated[int, msgspec.Meta(ge=5, le=600)] = 120
    ping: Address | None = None
    ping_method: Literal["GET", "POST"] = "GET"
    ping_period_s: Annotated[int, msgspec.Meta(ge=1, le=3_600)] = 60
    ca: Path | None = None


class ReceiverConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A site.

    Attributes:
        site: the site's name, as in every certificate.
        host: name or address under which hubs reach the site.
        bind: address that broker, authority and portal listen on.
        ports: where they listen.
        paths: where things lie.
        limits: maximums.
        retention: how long what is held is kept.
        consent: whether questions need somebody's consent.
        guard: how the watch itself is watched.
        channels: by which ways people are told, ``[[channel]]`` in the file.
    """

    site: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,32}$")]
    host: Annotated[str, msgspec.Meta(min_length=1, max_length=253)]
    bind: Annotated[str, msgspec.Meta(min_length=1)]
    ports: Ports = Ports()
    paths: Paths = Paths()
    limits: Limits = Limits()
    retention: Retention = Retention()
    consent: ConsentRules = ConsentRules()
    guard: GuardConfig = GuardConfig()
    channels: tuple[Channel, ...] = msgspec.field(name="channel", default=())

    def __post_init__(self) -> None:
        names = [channel.name for channel in self.channels]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"there is more than one channel {min(twice)!r}")


def load_config(file: Path) -> ReceiverConfig:
    """Read ``receiver.toml``.

    Raises:
        ReceiverConfigError: the file is missing, is no TOML, or a key is unknown, missing or out of range.
    """
    try:
        config = msgspec.toml.decode(file.read_bytes(), type=ReceiverConfig, dec_hook=_decoded)
    except OSError as error:
        raise ReceiverConfigError(
            f"{file}: cannot be read ({error.strerror}).",
            hint="Make a site first: lum-trust init DIR --site NAME --host HOST",
        ) from error
    except (
        msgspec.DecodeError,
        UnicodeDecodeError,
    ) as error:  # a ValidationError is one; its text names the key
        raise ReceiverConfigError(f"{file}: {error}", hint="Correct this key in the file.") from error
    base = file.parent.resolve()
    return msgspec.structs.replace(
        config,
        paths=_absolute(config.paths, base),
        guard=_absolute(config.guard, base),
        channels=tuple(_absolute(channel, base) for channel in config.channels),
    )


def _decoded(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind is Address and isinstance(value, str):
        return Address(value)
    raise TypeError("Expected a path, in quotes" if kind is Path else "Expected an address, in quotes")


def _absolute(struct: S, base: Path) -> S:
    """The same with each path that it holds made absolute."""
    facts = msgspec.structs.asdict(struct)
    paths = {name: base / value for name, value in facts.items() if isinstance(value, Path)}
    return msgspec.structs.replace(struct, **paths)
