"""An adaptive binary range coder, and how numbers become its yes-or-no decisions.

Every number is a walk down a small binary tree. Each node of the tree is a *context*: it learns how
often its answer was yes, and an answer costs the fewer bits the better it was foreseen. A *block* is
one such tree; quantities that behave alike share a block, and so learn from each other. Bits that
nobody can foresee (the low ends of long numbers) bypass the coder and grow from the end of the data
towards it.

``SPEC.md`` ("Coder", "Numbers") is the definition. The loops below keep their state in local
variables, as a hub spends most of its encoding time in them and a receiver nearly all of its.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, repeat
from typing import Final

from cloud_sync.wire.errors import WireError

# Where the contexts of one block stand.
_ZERO: Final = 0  # three: no non-zero number came before; the one before was zero; it was not
_SIGN: Final = 3
_LENGTH: Final = 4  # fifteen: is the number longer than so many bits?
_LENGTH_MAX: Final = 15  # from here on the length itself is raw
_TOP: Final = 19  # the bits below the leading one, three at most: 1 + 3 + 13 * 7 contexts
BLOCK: Final = 114

# A context is ``probability of a one << 5 | age``. A young one learns fast: its shift grows with age.
_RATES: Final = (1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5)
_OLDER: Final = (*range(1, 25), 24)
_UNKNOWN: Final = 32768 << 5
_PRIOR_AGE: Final = 4

_LENGTH_RAW_BITS: Final = 6
_EXACT_MAX: Final = 15  # a leaf up to here is the number itself; above, its low bits are raw
_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def contexts(priors: Iterable[str]) -> list[int]:
    """Fresh contexts: for each block what was learnt beforehand, 64ths in base 64, ``.`` where nothing."""
    fresh: list[int] = []
    for prior in priors:
        known = [_UNKNOWN if d == "." else _DIGITS.index(d) << 15 | _PRIOR_AGE for d in prior]
        fresh += known + [_UNKNOWN] * (BLOCK - len(known))
    return fresh


class Writer:
    """Collects decisions and raw bits; ``finish`` turns them into bytes."""

    def __init__(self, fresh: Sequence[int]) -> None:
        """Begin with contexts as they are before the first decision."""
        self._contexts = list(fresh)
        self._decisions: list[int] = []  # context << 1 | answer
        self._raw: list[tuple[int, int]] = []  # value, bits

    def flags(self, context: int, flags: Iterable[int]) -> None:
        """Write answers, each 0 or 1, to one question."""
        double = 2 * context
        self._decisions += [double + flag for flag in flags]

    def raw(self, value: int, bits: int) -> None:
        """Write the ``bits`` low bits of ``value`` as they are."""
        self._raw.append((value, bits))

    def unsigned(self, block: int, number: int) -> None:
        """Write one number from 0 on."""
        self._positive(block * BLOCK, number + 1)

    def signed(self, block: int, numbers: Iterable[int]) -> None:
        """Write a column: the magnitudes, then the signs of all that are not zero."""
        base = block * BLOCK
        add, positive = self._decisions.append, self._positive
        state, signs = _ZERO, []
        for number in numbers:
            if number:
                add(2 * (base + state) + 1)
                positive(base, abs(number))
                signs.append(number < 0)
                state = 2
            else:
                add(2 * (base + state))
                state = state and 1
        self.flags(base + _SIGN, signs)

    def finish(self) -> bytes:
        """The bytes: coded from the front, raw from the back."""
        return _coded(self._decisions, self._contexts) + _packed(self._raw)[::-1]

    def _positive(self, base: int, number: int) -> None:
        """Write a number from 1 on: its length, its top bits, and the rest raw."""
        if number <= _EXACT_MAX:
            self._decisions += _path(base, number)
            return
        length = number.bit_length() - 1
        rest = length - 3
        if length >= _LENGTH_MAX:
            self._raw.append((length - _LENGTH_MAX, _LENGTH_RAW_BITS))
        # All numbers of one length and top share a path: take the shortest of its kind.
        shown = min(length, _LENGTH_MAX)
        self._decisions += _path(base, (number >> rest) << (shown - 3))
        self._raw.append((number & ((1 << rest) - 1), rest))


class Reader:
    """Reads back what a ``Writer`` wrote, asked the same questions in the same order.

    Decisions never run dry: past the end come zeros. So whoever asks must bound how much it asks for.
    """

    def __init__(self, fresh: Sequence[int], data: bytes) -> None:
        """Begin at the front of ``data``, and for the raw bits at its back."""
        self._contexts = list(fresh)
        self._next_byte = chain(data, repeat(0)).__next__
        self._low, self._high = 0, 0xFFFFFFFF
        self._point = int.from_bytes(bytes(self._next_byte() for _ in range(4)), "big")
        self._tail = data[::-1]
        self._raw_at = 0

    def flags(self, context: int, count: int) -> list[int]:
        """Read ``count`` answers to one question."""
        low, high, point, next_byte = self._low, self._high, self._point, self._next_byte
        probability, age = self._contexts[context] >> 5, self._contexts[context] & 31
        flags = []
        for _ in repeat(None, count):
            middle = low + ((high - low) * probability >> 16)
            if point <= middle:
                high = middle
                probability += 65536 - probability >> _RATES[age]
                flags.append(1)
            else:
                low = middle + 1
                probability -= probability >> _RATES[age]
                flags.append(0)
            age = _OLDER[age]
            while (low ^ high) < 0x1000000:
                low = (low & 0xFFFFFF) << 8
                high = (high & 0xFFFFFF) << 8 | 255
                point = (point & 0xFFFFFF) << 8 | next_byte()
        self._contexts[context] = probability << 5 | age
        self._low, self._high, self._point = low, high, point
        return flags

    def raw(self, bits: int) -> int:
        """Read ``bits`` raw bits.

        Raises:
            WireError: there are not so many.
        """
        byte, bit = divmod(self._raw_at, 8)
        self._raw_at += bits
        if self._raw_at > 8 * len(self._tail):
            raise WireError("the columns are cut short")
        window = int.from_bytes(self._tail[byte : byte + (bit + bits + 7) // 8], "little")
        return window >> bit & ((1 << bits) - 1)

    def unsigned(self, block: int) -> int:
        """Read one number from 0 on."""
        return self._numbers((block,), _LENGTH)[0] - 1

    def unsigned_each(self, blocks: Sequence[int]) -> list[int]:
        """Read as many numbers from 0 on as there are blocks named."""
        return [number - 1 for number in self._numbers(blocks, _LENGTH)]

    def signed(self, block: int, count: int) -> list[int]:
        """Read a column of ``count`` numbers."""
        numbers = self._numbers(repeat(block, count), _ZERO)
        signs = iter(self.flags(block * BLOCK + _SIGN, count - numbers.count(0)))
        return [-number if number and next(signs) else number for number in numbers]

    def _numbers(self, blocks: Iterable[int], start: int) -> list[int]:
        """Walk the tree of each block, from a zero question or from the first length question."""
        low, high, point, next_byte = self._low, self._high, self._point, self._next_byte
        contexts, rates, older, if_one, if_zero = self._contexts, _RATES, _OLDER, _IF_ONE, _IF_ZERO
        numbers = []
        for block in blocks:
            base, node = block * BLOCK, start
            while node >= 0:
                context = contexts[base + node]
                probability, age = context >> 5, context & 31
                middle = low + ((high - low) * probability >> 16)
                if point <= middle:
                    high = middle
                    probability += 65536 - probability >> rates[age]
                    contexts[base + node] = probability << 5 | older[age]
                    node = if_one[node]
                else:
                    low = middle + 1
                    probability -= probability >> rates[age]
                    contexts[base + node] = probability << 5 | older[age]
                    node = if_zero[node]
                while (low ^ high) < 0x1000000:  # the first byte is settled
                    low = (low & 0xFFFFFF) << 8
                    high = (high & 0xFFFFFF) << 8 | 255
                    point = (point & 0xFFFFFF) << 8 | next_byte()
            number = ~node if ~node <= _EXACT_MAX else self._long(~node)
            numbers.append(number)
            if start != _LENGTH:
                start = 2 if number else start and 1
        self._low, self._high, self._point = low, high, point
        return numbers

    def _long(self, leaf: int) -> int:
        """Complete a number of more than four bits from its leaf and the raw bits."""
        length, top = leaf >> 3, 8 | leaf & 7
        if length == _LENGTH_MAX:
            length += self.raw(_LENGTH_RAW_BITS)
        return top << (length - 3) | self.raw(length - 3)


def _coded(decisions: Iterable[int], contexts: list[int]) -> bytes:
    """Narrow the interval [low, high] by each decision; bytes that low and high share are final.

    A probability never reaches 0 or 65536, as a shift by one or more never takes all that is left.
    """
    low, high, out = 0, 0xFFFFFFFF, bytearray()
    rates, older = _RATES, _OLDER
    for decision in decisions:
        context = contexts[decision >> 1]
        probability, age = context >> 5, context & 31
        middle = low + ((high - low) * probability >> 16)
        if decision & 1:
            high = middle
            probability += 65536 - probability >> rates[age]
        else:
            low = middle + 1
            probability -= probability >> rates[age]
        contexts[decision >> 1] = probability << 5 | older[age]
        while (low ^ high) < 0x1000000:
            out.append(high >> 24)
            low = (low & 0xFFFFFF) << 8
            high = (high & 0xFFFFFF) << 8 | 255
    return bytes(out) + _last(low, high)


def _last(low: int, high: int) -> bytes:
    """The fewest bytes that stay within the interval whatever raw bytes follow them."""
    for count in range(4):
        free = 32 - 8 * count
        first = -(-low >> free)
        if (first + 1 << free) - 1 <= high:
            return first.to_bytes(count, "big")
    return low.to_bytes(4, "big")


def _packed(raw: Iterable[tuple[int, int]]) -> bytes:
    """Raw bits in order, low bit first, padded with zeros to whole bytes."""
    out, held, fill = bytearray(), 0, 0
    for value, bits in raw:
        held |= value << fill
        fill += bits
        if fill > 512:  # long integers are slow to add to
            whole = fill >> 3
            out += (held & ((1 << 8 * whole) - 1)).to_bytes(whole, "little")
            held >>= 8 * whole
            fill &= 7
    return bytes(out) + held.to_bytes((fill + 7) // 8, "little")


def _top_at(length: int) -> int:
    """Where the contexts for the top bits of numbers of one length begin."""
    return _TOP + (0, 0, 1, 4)[length] if length <= 3 else _TOP + 4 + 7 * (length - 3)


def _steps(number: int) -> Iterator[tuple[int, int]]:
    """The (context in the block, answer) pairs that spell a number below 2**16, raw bits left out."""
    length = number.bit_length() - 1
    yield from ((_LENGTH + shorter, 1) for shorter in range(length))
    if length < _LENGTH_MAX:
        yield _LENGTH + length, 0
    prefix = 1
    for place in range(length - 1, max(length - 4, -1), -1):
        bit = number >> place & 1
        yield _top_at(length) + prefix - 1, bit
        prefix = 2 * prefix + bit


@cache  # at most 15 + 12 * 8 paths for each block
def _path(base: int, number: int) -> tuple[int, ...]:
    return tuple(2 * (base + context) + answer for context, answer in _steps(number))


def _tree() -> tuple[list[int], list[int]]:
    """The same paths as a walk: from each context, where a one and where a zero leads; ``~leaf`` ends it.

    A leaf up to 15 is the number; above, it is ``length << 3 | the three top bits``.
    """
    if_one, if_zero = [0] * BLOCK, [0] * BLOCK
    for zero in range(_ZERO, _SIGN):
        if_one[zero], if_zero[zero] = _LENGTH, ~0
    for length in range(_LENGTH_MAX + 1):
        for top in range(1 << min(length, 3)):
            number = 1 << length | top << max(length - 3, 0)
            steps = list(_steps(number))
            ends = [context for context, _ in steps[1:]]
            leaf = number if number <= _EXACT_MAX else length << 3 | top
            for (context, answer), onward in zip(steps, [*ends, ~leaf], strict=True):
                (if_one if answer else if_zero)[context] = onward
    return if_one, if_zero


_IF_ONE, _IF_ZERO = _tree()
