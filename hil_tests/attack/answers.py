"""What the site says to a hub whose messages the attacker forges: its signed answers, in words."""

from __future__ import annotations

import contextlib

from cloud_sync.wire import message as wire
from hil_tests.attack.target import Target
from zero_trust.credential import certificate_key
from zero_trust.envelope import verify_tagged
from zero_trust.keystore import load_certificates
from zero_trust.reasons import reason, tag

MORE_WAIT_S = 0.3  # a receipt may stand before the refusal of one and the same message
TAGS = {
    wire.Kind.REFUSAL: wire.REFUSAL_TAG,
    wire.Kind.RECEIPT: wire.RECEIPT_TAG,
    wire.Kind.CURSOR: wire.CURSOR_TAG,
    wire.Kind.ASK: wire.ASK_TAG,
}


async def answered(site: Target, hub: str, payload: bytes) -> str:
    """Say it in that hub's name; what the site says to that, a refusal if there is one.

    Raises:
        TimeoutError: it says nothing.
    """
    heard = await answers(site, hub, payload)
    refused = (words for kind, words in heard if kind is wire.Kind.REFUSAL)
    return next(refused, "; ".join(words for _, words in heard))


async def answers(site: Target, hub: str, payload: bytes) -> list[tuple[wire.Kind, str]]:
    """All that the site says to one message, in words; raises as :func:`answered`."""
    broker = await site.hostile()
    broker.forget(hub)
    await broker.up(hub, payload)
    heard = [_read(site, await broker.told(hub))]
    with contextlib.suppress(TimeoutError):
        while heard[-1][0] is not wire.Kind.REFUSAL:
            heard.append(_read(site, await broker.told(hub, MORE_WAIT_S)))
    return heard


def _read(site: Target, answer: bytes) -> tuple[wire.Kind, str]:
    """An answer that the site's receipt key has signed."""
    leaf = load_certificates(site.site.directory / "intake" / "receipt.crt")[0]
    kind = wire.kind_of(answer)
    body = verify_tagged(certificate_key(leaf), TAGS[kind], answer[1:])
    if kind is wire.Kind.REFUSAL:
        code = wire.decode_refusal(body).code
        return kind, f"{reason(code).sentence} {tag(code)}"
    if kind is wire.Kind.RECEIPT:
        receipt = wire.decode_receipt(body)
        return kind, f"receipt up to {receipt.head.seq}, held above it: {list(receipt.held)}"
    return kind, kind.name.lower()
