"""The counter: each number once, flash written rarely, and no packet id that looks like a copy."""

from __future__ import annotations

import pytest

from tests.helpers.firmware import ModelFlash, PowerLostError, load

counter = load("counter")


def test_flash_is_written_once_in_255_numbers() -> None:
    """A year of a frame a minute is about two thousand writes."""
    flash = ModelFlash()
    numbers = counter.Counter(flash)

    assert [numbers.take() for _ in range(1000)] == list(range(1, 1001))
    assert flash.writes == 4


def test_after_a_power_cut_it_begins_a_new_block() -> None:
    """The numbers of the block that was begun are given up."""
    flash = ModelFlash()
    counter.Counter(flash).take()

    assert counter.Counter(flash).take() == 256


@pytest.mark.parametrize("used", range(1, 256))
def test_no_power_cut_makes_a_packet_id_look_like_a_copy(used: int) -> None:
    """Wherever in its block the power goes, the next packet id is another than the last."""
    flash = ModelFlash()
    numbers = counter.Counter(flash)
    last = [numbers.take() for _ in range(used)][-1]

    assert counter.Counter(flash).take() & 0xFF != last & 0xFF


def test_a_deep_sleep_costs_no_numbers() -> None:
    """What RTC memory kept goes on in the same block, without a write."""
    flash = ModelFlash()
    numbers = counter.Counter(flash)
    numbers.take()

    assert counter.Counter(flash, numbers.kept).take() == 2
    assert flash.writes == 1


@pytest.mark.parametrize("kept", [[5, 10_000], [300, 255], [10_000, 10_000]])
def test_memory_that_claims_more_than_flash_is_not_believed(kept: list[int]) -> None:
    """Numbers beyond the reserved ones would come a second time after the next power cut."""
    flash = ModelFlash()
    counter.Counter(flash).take()

    assert counter.Counter(flash, kept).take() == 256


@pytest.mark.parametrize("dies", ["dies_before", "dies_after"])
def test_a_cut_while_reserving_hands_out_nothing(dies: str) -> None:
    """Whether or not the reservation got to flash, the next number is new."""
    flash = ModelFlash()
    setattr(flash, dies, 0)
    with pytest.raises(PowerLostError):
        counter.Counter(flash).take()

    assert counter.Counter(flash).take() == (1 if dies == "dies_before" else 256)


def test_a_spoilt_file_is_a_lost_counter() -> None:
    """It begins at 1, which receivers see and flag."""
    flash = ModelFlash()
    flash.files["counter"] = b"\xff\xff"

    assert counter.Counter(flash).take() == 1


def test_it_ends_rather_than_wraps() -> None:
    """After 32 bits a number would come twice; one sentence says what to do."""
    flash = ModelFlash()
    flash.files["counter"] = str(0xFFFFFFFF - 100).encode()
    with pytest.raises(ValueError, match="new key"):
        counter.Counter(flash).take()
