"""The reading and its plain value."""

from __future__ import annotations

import pytest

from device_profiles.reading import Form, Reading


@pytest.mark.parametrize(
    ("value", "exponent", "form", "plain"),
    [
        (2506, -2, Form.NUMBER, 25.06),
        (-7, -1, Form.NUMBER, -0.7),
        (3, 0, Form.NUMBER, 3),
        (3, 2, Form.NUMBER, 300),
        (1, 0, Form.BOOLEAN, True),
        (0, 0, Form.BOOLEAN, False),
        ("press", 0, Form.TEXT, "press"),
    ],
)
def test_the_plain_value_is_exact_and_of_the_right_type(
    value: int | str, exponent: int, form: Form, plain: object
) -> None:
    """A resolution of 0.01 prints as 25.06 and not 25.060000000000002; a boolean is no number."""
    reading = Reading("anything", value, exponent, "", form, urgent=False)

    assert reading.plain == plain
    assert type(reading.plain) is type(plain)


def test_every_hundredth_prints_as_it_is_written() -> None:
    """No hundredth of a degree gets a tail of binary digits."""
    for hundredths in range(-1000, 1000):
        plain = Reading("temperature", hundredths, -2, "°C", Form.NUMBER, urgent=False).plain
        assert len(repr(plain).partition(".")[2]) <= 2
