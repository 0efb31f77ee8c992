"""Faults of who may say what: certificates that end, a credential that is copied, a receipt that nobody signed."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec

from hil_tests.faults.base import Fault
from hil_tests.rig.certificates import shorten
from hil_tests.rig.forgery import forged_receipts, say_down

if TYPE_CHECKING:
    from hil_tests.rig.certificates import Shortened
    from hil_tests.strategy import Bench

SERVER = {"broker": "broker/server.crt", "authority": "authority/https.crt"}
BOTH_WAIT_S = 60.0  # two hubs start at once
BACK_WAIT_S = 90.0  # a hub that was refused waits for up to a minute before it asks again
TLS_KEY, DATA_KEY, ROOT_KEY = "authority/tls-ca.key", "authority/data-ca.key", "root/root.key"


class HubRevoked(Fault, frozen=True, kw_only=True, tag="credential.revoked"):
    """Its credential is revoked by an operator."""

    async def begin(self, bench: Bench) -> None:
        """Revoke it."""
        bench.notes[self] = await bench.revoke_hub()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the registry says so."""
        return "revoked" in bench.notes[self].lower(), bench.notes[self], {}


class ServerExpired(Fault, frozen=True, kw_only=True, tag="site.certificate-expired"):
    """The certificate by which broker or authority prove themselves to hubs has come to its end."""

    of_the_site: ClassVar[bool] = True
    on: Literal["broker", "authority"]

    async def begin(self, bench: Bench) -> None:
        """Let it be over, and make the hub look at it: the broker is started again in any case."""
        service = SERVER[self.on].removesuffix(".crt")
        before = bench.site.not_renewed(service)
        bench.notes[self] = _over(bench, SERVER[self.on], TLS_KEY)
        await _again(bench, self.on, "broker")
        await bench.until(lambda: bench.site.not_renewed(service) > before, "its being refused another one")

    async def end(self, bench: Bench) -> None:
        """Look at it, as a client of the rig's own; then the right one again."""
        bench.notes[self, "told"] = await bench.site.certificate_trouble(self.on)
        bench.notes[self].put_back()
        await _again(bench, self.on)

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if that client was told so."""
        told = bench.notes[self, "told"]
        return "expired" in told, f"a client of the {self.on} was told: {told or 'nothing'}", {}


class ReceiptExpired(Fault, frozen=True, kw_only=True, tag="site.receipt-expired"):
    """The certificate of the key that signs receipts and cursors has come to its end."""

    async def begin(self, bench: Bench) -> None:
        """Let it be over, and make the hub open a session."""
        bench.notes[self, "before"] = bench.hub.status().get("disbelieved", 0)
        bench.notes[self] = _over(bench, "intake/receipt.crt", DATA_KEY)
        await _again(bench, "intake", "broker")

    async def end(self, bench: Bench) -> None:
        """Wait until the hub has disbelieved what it signed; then the right one again."""
        await bench.until(lambda: self._disbelieved(bench) > 0, "the hub's disbelieving the site")
        bench.notes[self].put_back()
        await _again(bench, "intake", "broker")

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the hub disbelieved something."""
        count = self._disbelieved(bench)
        return count > 0, f"the hub disbelieved {count} messages of the site", {"disbelieved": count}

    def _disbelieved(self, bench: Bench) -> int:
        return int(bench.hub.status().get("disbelieved", 0)) - int(bench.notes[self, "before"])


class ReceiptForged(Fault, frozen=True, kw_only=True, tag="receipt.forged"):
    """Somebody on the wire tells the hub that all it has cut has arrived, and cannot sign it."""

    async def begin(self, bench: Bench) -> None:
        """Tell it, once there is something that it would forget."""
        await bench.until(lambda: bench.hub.status().get("waiting", 0) > 0, "the hub's waiting for a receipt")
        said = bench.notes[self] = bench.hub.status()
        store = bench.site.directory / "store" / "lum.db"
        forged = forged_receipts(said["hub"], bench.hub.state / "outbox.db", store)
        await say_down(bench.site, said["hub"], forged)

    async def end(self, bench: Bench) -> None:
        """Wait until it has said what it makes of that."""
        await bench.until(lambda: any(self._counted(bench).values()), "the hub's judging the forged receipt")

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the hub met it; that it was believed is a fact by which the verdict fails the run."""
        met = self._counted(bench)
        words = f"the hub disbelieved {met['disbelieved']} messages, and believed {met['believed']} receipts"
        return any(met.values()), words, met

    def _counted(self, bench: Bench) -> dict[str, int]:
        """What it has taken since; the site, which alone could send it something, must be silent meanwhile."""
        before, now = bench.notes[self], bench.hub.status()
        names = {"disbelieved": "disbelieved", "believed": "receipts"}
        return {fact: now.get(name, 0) - before.get(name, 0) for fact, name in names.items()}


class CredentialExpired(Fault, frozen=True, kw_only=True, tag="credential.expired"):
    """The hub's TLS certificate comes to its end after ``life_s``; those it gets later are good."""

    life_s: Annotated[float, msgspec.Meta(ge=5, le=3600)] = 12.0

    def __post_init__(self) -> None:
        """Refuse what would end before it could happen."""
        if self.life_s > self.for_s:
            raise ValueError("`life_s` must not be longer than `for_s`")

    async def begin(self, bench: Bench) -> None:
        """Let a new life of the hub fetch a short one: no certificate outlives that of its issuer."""
        await bench.stop_hub()
        before = bench.site.admissions()
        end = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.life_s)
        issuer = shorten(bench.site.directory / "authority/tls-ca.crt", bench.site.directory / ROOT_KEY, end)
        await _again(bench, "authority")
        await bench.start_hub()
        await bench.until(
            lambda: bench.site.admissions() > before, "the hub's coming with a short certificate", BACK_WAIT_S
        )
        bench.notes[self, "admitted"] = bench.site.admissions()
        issuer.put_back()
        await _again(bench, "authority")

    async def end(self, bench: Bench) -> None:
        """Wait until the hub has come with another one."""
        await bench.until(
            lambda: self._came_back(bench) > 0, "the hub's coming with a new certificate", BACK_WAIT_S
        )

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the hub had to come again."""
        times = self._came_back(bench)
        return (
            times > 0,
            f"the hub came {times} times anew after {self.for_s:g} s with a certificate of {self.life_s:g} s",
            {"admitted": times},
        )

    def _came_back(self, bench: Bench) -> int:
        return bench.site.admissions() - int(bench.notes[self, "admitted"])


class RolledOver(Fault, frozen=True, kw_only=True, tag="site.rolled-over"):
    """Its authorities are replaced ``times`` times while the hub is asleep; each time all of the site follows."""

    times: Annotated[int, msgspec.Meta(ge=1, le=4)] = 2

    async def begin(self, bench: Bench) -> None:
        """Ask the hub to stop; roll over, again and again."""
        bench.notes[self, "hub"] = bench.hub.status().get("hub", "")
        await bench.stop_hub()
        bench.notes[self] = [await bench.site.roll_over() for _ in range(self.times)]

    async def end(self, bench: Bench) -> None:
        """Wake it, and wait until it has said that it believes the newest."""
        await bench.start_hub()
        await bench.until(lambda: bench.hub.status().get("uplink") == "online", "the hub's way back")
        told = await bench.site.bundles_of_hubs()
        bench.notes[self, "told"] = told.get(bench.notes[self, "hub"], 0)

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the hub, which slept by another bundle, says that it believes the newest."""
        versions, told = bench.notes[self], bench.notes[self, "told"]
        words = (
            f"the site went over to bundle {versions[-1]} in {len(versions)} steps; the hub believes {told}"
        )
        return len(versions) == self.times and told == versions[-1], words, {"bundle": told}


class CredentialCloned(Fault, frozen=True, kw_only=True, tag="credential.cloned"):
    """Its card is copied, and a second hub lives on the copy, out of reach of the home, for ``for_s``."""

    async def begin(self, bench: Bench) -> None:
        """Copy the card of a hub that was stopped in good order, and start both."""
        bench.notes[self, "before"] = bench.site.admissions()
        bench.notes[self] = await bench.start_twin()
        await bench.until(lambda: self._admitted(bench) > 1, "both hubs' admission", BOTH_WAIT_S)

    async def end(self, bench: Bench) -> None:
        """Switch the other one off."""
        bench.notes[self, "said"] = bench.notes[self].status()
        await bench.notes[self].kill()

    def proof(self, bench: Bench) -> tuple[bool, str, dict[str, Any]]:
        """It fired if the other one lived, and said of itself that it is the same hub."""
        said = bench.notes[self, "said"]
        same = bool(said) and said["hub"] == bench.hub.status().get("hub")
        admitted = self._admitted(bench)
        words = f"a second {said.get('hub', 'hub')} lived meanwhile; hubs were admitted {admitted} times"
        return same and admitted > 1, words, {"admitted": admitted}

    def _admitted(self, bench: Bench) -> int:
        return bench.site.admissions() - int(bench.notes[self, "before"])


def _over(bench: Bench, file: str, issuer_key: str) -> Shortened:
    """This certificate of the site ended a moment ago, since the authority no longer knew whose it is."""
    directory, ended = bench.site.directory, dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    pin = directory / "authority" / "services" / file.replace("/", "-")
    return shorten(directory / file, directory / issuer_key, ended, pin)


async def _again(bench: Bench, *roles: str) -> None:
    """Processes of the site are ended and started again, so that they read their files anew."""
    for role in dict.fromkeys(roles):
        before = bench.site.kill(role)
        await bench.until(
            lambda role=role, before=before: bench.site.pid(role) not in {None, before},  # type: ignore[misc]
            f"another {role}'s start",
        )
