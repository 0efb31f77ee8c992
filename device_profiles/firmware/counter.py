"""The number of a transmission: it counts on through power cuts, and flash is written once in 255 times.

Receivers refuse a number that goes back, and AES-CCM must never see one twice. So a block of
numbers is reserved on flash before the first of them is used; who loses power begins a new block.
A block has 255 numbers and not 256: the packet id is a number's low byte, and the id after a
power cut must not by chance be that of the frame before it, which a receiver would take for a copy.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flash import Flash

FILE = "counter"
BLOCK = 255
COUNTER_MAX = 0xFFFFFFFF


class Counter:
    """Hands out numbers from 1 on, each once.

    Args:
        flash: Where the end of the reserved block is kept.
        kept: Next number and end of the block, as ``kept`` gave them before a deep sleep; ``None``
            whenever the power may have been away.
    """

    def __init__(self, flash: "Flash", kept: "list[int] | None" = None) -> None:
        self._flash = flash
        reserved = _number(flash.read(FILE))
        # Memory that claims more than flash knows is not to be believed: it would be reused later.
        if kept is not None and kept[0] <= kept[1] <= reserved:
            self._next, self._end = kept
        else:
            self._next = self._end = reserved

    @property
    def kept(self) -> "list[int]":
        """What memory that outlives a deep sleep must keep: next number, end of the reserved block."""
        return [self._next, self._end]

    def take(self) -> int:
        """The next number.

        Raises:
            OSError: The flash did not take the reservation; nothing was handed out.
            ValueError: All 32 bits are used up: the node needs a new key and a new counter file.
        """
        if self._next >= self._end:
            end = self._next + BLOCK
            if end > COUNTER_MAX:
                raise ValueError(
                    "the counter is used up: give the node a new key and delete its counter file"
                )
            self._flash.write(FILE, str(end).encode())
            self._end = end
        self._next += 1
        return self._next


def _number(data: "bytes | None") -> int:
    """What a counter file says; 0 for one that is missing or no number, which receivers see as a counter reset."""
    try:
        return int(data) if data else 0
    except ValueError:
        return 0
