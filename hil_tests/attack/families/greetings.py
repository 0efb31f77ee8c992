"""Attacks with messages beside the batch: of no kind, of the site's own, hellos and gaps in another's name."""

from __future__ import annotations

import os
from dataclasses import replace

from cloud_sync.wire import message as wire
from cloud_sync.wire.batch import Stream
from hil_tests.attack.attack import Family, Said
from hil_tests.attack.families.wire import spoken
from hil_tests.attack.pen import sealed
from hil_tests.attack.target import Target
from zero_trust.envelope import sign_tagged

attack = Family("wire")


@attack("message-of-no-kind", "batch-malformed", place="intake")
async def no_kind(site: Target) -> Said:
    """Bytes that are no message of ours."""
    return await spoken(site, await site.bystander(), b"\xff" + os.urandom(40))


@attack("receipt-sent-up", "batch-malformed", place="intake")
async def receipt_up(site: Target) -> Said:
    """A message that only the site sends comes up."""
    return await spoken(site, await site.bystander(), wire.framed(wire.Kind.RECEIPT, os.urandom(80)))


@attack("hello-under-another-name", "batch-wrong-hub", place="intake")
async def hello_name(site: Target) -> Said:
    """A hub's own signature over a hello that names another."""
    pen = await site.bystander()
    return await spoken(site, pen, pen.hello(hub="a" * 13))


@attack("hello-for-another-site", "batch-wrong-site", place="intake")
async def hello_site(site: Target) -> Said:
    """A hello that the hub signed for another site."""
    pen = await site.bystander()
    return await spoken(site, pen, pen.hello(site="elsewhere"))


@attack("hello-signed-by-another-hub", "batch-signature-wrong", place="intake")
async def hello_key(site: Target) -> Said:
    """A neighbour's hub opens a session in the victim's name."""
    pen, other = await site.bystander(), await site.pen()
    return await spoken(site, pen, replace(pen, data=other.data).hello())


@attack("gap-explained-by-another", "batch-signature-wrong", place="intake")
async def gone(site: Target) -> Said:
    """Somebody else signs that the victim no longer holds its batches, so that nobody waits for them."""
    pen, other = await site.pen(), await site.bystander()
    lost = wire.Gone(
        pen.site, pen.hub, pen.epoch, Stream.URGENT, 1, wire.Head(9, bytes(32)), wire.Reason.SHED, 9, 0, 0
    )
    signed = sign_tagged(other.data, wire.GONE_TAG, wire.encode_gone(lost))
    message = sealed(signed, site.site_public, pen.hub)[1:]
    return await spoken(site, pen, wire.framed(wire.Kind.GONE, message))
