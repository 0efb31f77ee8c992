"""The hub's configuration: one TOML file into frozen structs, read once; unknown keys are errors.

Every queue, size and wait has a named maximum here.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from edge_agent.core import retention
from edge_agent.core.batching import Limits
from edge_agent.errors import ConfigError
from zero_trust import hub_keys

DEFAULT_PATH = Path("/etc/lum/hub.toml")
SENSORS_HINT = "Sensors are added with: lum-hub sensors add"


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unknown keys are errors."""


class RadioConfig(_Strict, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[radio]``: BlueZ by default; ``transport`` names an HCI transport where there is no BlueZ."""

    transport: str | None = None  # "usb:0", "serial:/dev/ttyACM0,1000000", "unix-client:/path"
    adapter: str | None = None  # BlueZ adapter such as "hci1"; the first one by default
    active: bool = True  # ask for scan responses, where some sensors put data; BlueZ asks in any case
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


class HubConfig(_Strict, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    state_dir: str = "/var/lib/lum"
    runtime_dir: str = "/run/lum"
    status_period_s: float = 5.0
    heartbeat_period_s: float = 60.0
    stop_grace_s: float = 5.0
    keys: hub_keys.Settings = hub_keys.FILES
    radio: RadioConfig = RadioConfig()
    outbox: OutboxConfig = OutboxConfig()

    @property
    def state(self) -> Path:
        """Where keys, sensors and outbox live."""
        return Path(self.state_dir)

    @property
    def status_file(self) -> Path:
        """What ``lum-hub status`` reads; on a RAM disk, it is written every few seconds."""
        return Path(self.runtime_dir) / "status.json"

    @property
    def socket(self) -> Path:
        """Where the running hub lets commands listen along."""
        return Path(self.runtime_dir) / "hub.sock"


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
        hint = SENSORS_HINT if "unknown field `sensors`" in str(error) else "Correct or remove that key."
        raise ConfigError(f"{path}: {error}.", hint=hint) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error
