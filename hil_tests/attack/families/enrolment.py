"""Attacks on enrolment: vouchers guessed, used up, photographed; requests forged, altered and replayed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import msgpack

from hil_tests.attack.attack import BrokenError, Family, Said
from hil_tests.attack.command import Ended, ended
from hil_tests.attack.door import Answer
from hil_tests.attack.pen import enrolled, request_of
from hil_tests.attack.target import HOME, Target
from zero_trust import fields, keys
from zero_trust.voucher import WRONG_CODES_MAX, Voucher

attack = Family("enrolment")
WRONG_CODE = "00000000"


async def installed(site: Target, voucher: str) -> Ended:
    """A new hub tries a voucher: ``lum-hub enrol`` in a directory of its own."""
    directory = site.directory / f"newcomer-{len(list(site.directory.glob('newcomer-*')))}"
    directory.mkdir()
    config = directory / "hub.toml"
    config.write_text(f'state_dir = "{directory}/state"\nruntime_dir = "{directory}/run"\n')
    return await ended("lum-hub", "enrol", "--config", str(config), voucher)


async def _asked(site: Target, voucher: Voucher) -> Answer:
    """Somebody with new keys asks by all rules, with that voucher."""
    return await site.ask_to_enrol(voucher, keys.generate_key(), keys.generate_key())


@attack("voucher-mistyped", "voucher-malformed")
async def mistyped(site: Target) -> Said:
    """One symbol of the voucher's code is wrong: its check symbols tell, before anything is sent."""
    voucher = await site.voucher()
    wrong = ("3" if voucher.code[0] != "3" else "4") + voucher.code[1:]
    text = voucher.text.replace(voucher.code, wrong)
    site.begin()
    tried = await installed(site, text)
    if await site.refusals():
        raise BrokenError("The mistyped voucher was sent to the site.")
    return Said(tried.told, "nothing has reached the site")


@attack("voucher-invented", "voucher-unknown", place="enrol")
async def invented(site: Target) -> Said:
    """A voucher is well formed, and was never given out."""
    voucher = replace(await site.voucher(), id="00000000")
    site.begin()
    return Said((await installed(site, voucher.text)).told)


@attack("voucher-code-guessed", "voucher-code-wrong", place="enrol")
async def guessed(site: Target) -> Said:
    """The voucher is known (it was photographed from afar), its code is guessed."""
    voucher = await site.voucher()
    site.begin()
    answer = await _asked(site, replace(voucher, code=WRONG_CODE))
    return Said(answer.told, changes=(f"~ voucher {voucher.id}",))


@attack("voucher-guessed-again-and-again", "voucher-locked", place="enrol")
async def guessed_again(site: Target) -> Said:
    """After five guesses the sixth is right: the voucher rests, and is not burned for the installer."""
    voucher = await site.voucher()
    identity, data = keys.generate_key(), keys.generate_key()
    site.begin()
    for _ in range(WRONG_CODES_MAX):
        await site.ask_to_enrol(replace(voucher, code=WRONG_CODE), identity, data)
    answer = await site.ask_to_enrol(voucher, identity, data)
    [(locked_ms, used)] = site.rows(
        "SELECT locked_until_ms, request_hash FROM voucher WHERE id = ?", voucher.id
    )
    if used is not None or not locked_ms:
        raise BrokenError("The voucher was burned, or does not rest.")
    return Said(answer.told, changes=(f"~ voucher {voucher.id}",))


@attack("voucher-used-twice", "voucher-used", place="enrol")
async def used(site: Target) -> Said:
    """A second hub comes with a voucher that has enrolled a first one."""
    voucher = await site.voucher()
    await _asked(site, voucher)
    site.begin()
    return Said((await installed(site, voucher.text)).told)


@attack("voucher-found-later", "voucher-expired", place="enrol")
async def expired(site: Target) -> Said:
    """A voucher is found on a desk after its 48 hours."""
    voucher = await site.voucher()
    site.past("UPDATE voucher SET expires_ms = 1 WHERE id = ?", voucher.id)
    site.begin()
    return Said((await installed(site, voucher.text)).told)


@attack("voucher-for-another-home", "request-malformed", place="enrol")
async def other_home(site: Target) -> Said:
    """An installer's request names another home than the voucher's: there is no place for such a wish."""
    voucher = await site.voucher()
    body, *proofs = msgpack.unpackb(
        await asyncio.to_thread(request_of, voucher, keys.generate_key(), keys.generate_key())
    )
    wished = fields.pack(*msgpack.unpackb(body), "somebody-elses-home")
    site.begin()
    return Said((await site.door.ask("/v1/enrol", fields.pack(wished, *proofs))).told)


@attack("four-words-of-another", "voucher-used", place="enrol")
async def other_words(site: Target) -> Said:
    """A thief photographs the voucher and enrols first: the installer's hub is refused, its words are nowhere listed."""
    voucher = await site.voucher()
    thief, honest = keys.generate_key(), keys.generate_key()
    await site.ask_to_enrol(voucher, thief, keys.generate_key())
    site.begin()
    answer = await site.ask_to_enrol(voucher, honest, keys.generate_key())
    listed = {row["words"] for row in await asyncio.to_thread(site.operator.hubs)}
    if keys.four_words(honest.public_key()) in listed or keys.four_words(thief.public_key()) not in listed:
        raise BrokenError("Operations do not see the words of the key that was enrolled.")
    return Said(answer.told)


@attack("enrolment-answered-twice", "", heard="granted")
async def replayed(site: Target) -> Said:
    """A recorded enrolment is played again: the same answer, which holds no secret, and no second hub."""
    identity, data = keys.generate_key(), keys.generate_key()
    request = await asyncio.to_thread(request_of, await site.voucher(), identity, data)
    first = await site.door.ask("/v1/enrol", request)
    site.begin()
    again = await site.door.ask("/v1/enrol", request)
    if again.content != first.content:
        raise BrokenError("The same request got another answer.")
    hub = enrolled(again, identity, data).hub
    return Said(again.told, f"the same hub {hub} as before")


@attack("enrolment-key-swapped-on-the-way", "voucher-code-wrong", place="enrol")
async def swapped(site: Target) -> Said:
    """Somebody on the line puts his own data key into an honest request."""
    voucher, thief = await site.voucher(), keys.generate_key()
    request = await asyncio.to_thread(request_of, voucher, keys.generate_key(), keys.generate_key())
    body, *proofs = msgpack.unpackb(request)
    wished = msgpack.unpackb(body)
    wished[3] = keys.public_bytes(thief.public_key())
    site.begin()
    answer = await site.door.ask("/v1/enrol", fields.pack(fields.pack(*wished), *proofs))
    return Said(answer.told, changes=(f"~ voucher {voucher.id}",))


@attack("enrolment-of-a-stolen-identity", "identity-already-enrolled", place="enrol")
async def stolen_identity(site: Target) -> Said:
    """The identity key of an enrolled hub, copied, is to be enrolled in another home with a good voucher."""
    pen, voucher = await site.bystander(), await site.voucher(HOME)
    site.begin()
    return Said((await site.ask_to_enrol(voucher, pen.identity, keys.generate_key())).told)
