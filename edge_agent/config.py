"""The hub's configuration: one TOML file into frozen structs, read once; unknown keys are errors.

Every queue, size and wait has a named maximum here.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from cloud_sync.wire.batch import Contract
from device_profiles.errors import ProfileError
from device_profiles.profile import ContractKind, parse_contract
from edge_agent.core import retention
from edge_agent.core.batching import Limits
from edge_agent.core.coverage import Liveness
from edge_agent.errors import ConfigError

DEFAULT_PATH = Path("/etc/lum/hub.toml")


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unknown keys are errors."""


class RadioConfig(_Strict, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[radio]``: BlueZ by default; ``transport`` names an HCI transport where there is no BlueZ."""

    transport: str | None = None  # "usb:0", "serial:/dev/ttyACM0,1000000", "unix-client:/path"
    adapter: str | None = None  # BlueZ adapter such as "hci1"; the first one by default
    adverts_waiting_max: int = 10_000


class OutboxConfig(_Strict, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[outbox]``: how long readings wait for the disk and for company."""

    commit_window_max_s: float = 15.0
    batch_age_max_s: float = 900.0
    batch_readings_max: int = 1000
    retain_age_max_s: float = 14 * 86_400
    retain_bytes_max: int = 64 * 2**20
    outbox_bytes_max: int = 256 * 2**20

    def __post_init__(self) -> None:
        if not (0 < self.commit_window_max_s <= 60 and 0 < self.batch_age_max_s <= 3600):
            raise ValueError(
                "commit_window_max_s must be at most 60, batch_age_max_s at most 3600, both above 0"
            )
        if not 1 <= self.batch_readings_max <= 4000:
            raise ValueError("batch_readings_max must be between 1 and 4000")

    @property
    def limits(self) -> Limits:
        """As the core wants them."""
        return Limits(self.commit_window_max_s, self.batch_age_max_s, self.batch_readings_max)

    @property
    def retention(self) -> retention.Limits:
        """As the core wants them."""
        return retention.Limits(self.retain_age_max_s, self.retain_bytes_max, self.outbox_bytes_max)


class SensorConfig(_Strict, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[[sensors]]``: one sensor of this home."""

    address: str
    name: str
    room: str
    model: str
    key_file: str | None = None  # 32 hex digits; with it only encrypted frames are believed
    contract: str | None = None  # "periodic 60 s", "heartbeat 3600 s", "event-only"; the model's by default


class HubConfig(_Strict, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    state_dir: str = "/var/lib/lum"
    runtime_dir: str = "/run/lum"
    status_period_s: float = 5.0
    heartbeat_period_s: float = 60.0
    stop_grace_s: float = 5.0
    radio: RadioConfig = RadioConfig()
    outbox: OutboxConfig = OutboxConfig()
    sensors: tuple[SensorConfig, ...] = ()

    @property
    def state(self) -> Path:
        """Where keys and outbox live."""
        return Path(self.state_dir)

    @property
    def status_file(self) -> Path:
        """What ``lum-hub status`` reads; on a RAM disk, it is written every few seconds."""
        return Path(self.runtime_dir) / "status.json"


def load(path: Path) -> HubConfig:
    """Read the configuration.

    Raises:
        ConfigError: one sentence that names the file, and the key where one is wrong.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(
            f"There is no configuration at {path}.",
            hint="Write one, or name it with --config FILE; see edge_agent/README.md.",
        ) from error
    except OSError as error:
        raise ConfigError(f"The configuration {path} cannot be read: {error.strerror}.") from error
    try:
        return msgspec.toml.decode(raw, type=HubConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}.", hint="Correct or remove that key.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error


def liveness(text: str) -> Liveness:
    """A contract as the profiles write it: ``periodic 60 s``, ``heartbeat 3600 s`` or ``event-only``.

    Raises:
        ConfigError: it is none of these.
    """
    kinds = {
        ContractKind.EVENT_ONLY: Contract.EVENT_ONLY,
        ContractKind.PERIODIC: Contract.PERIODIC,
        ContractKind.HEARTBEAT: Contract.HEARTBEAT,
    }
    try:
        contract = parse_contract(text)
    except ProfileError as error:
        raise ConfigError(str(error), hint=error.hint) from error
    return Liveness(kinds[contract.kind], contract.period_s)


def read_key(path: Path) -> bytes:
    """A sensor's key from a file of 32 hex digits that others cannot read.

    Raises:
        ConfigError: missing, not 16 bytes of hex, or readable by others.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"The sensor key {path} can be read by others.", hint=f"Run: chmod 600 {path}")
        key = bytes.fromhex(path.read_text().strip())
    except OSError as error:
        raise ConfigError(f"The sensor key {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigError(f"The sensor key {path} is not hex digits.") from error
    if len(key) != 16:
        raise ConfigError(f"The sensor key {path} has {len(key)} bytes; it must have 16 (32 hex digits).")
    return key
