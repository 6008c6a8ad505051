"""Numbers typed into the form: parsed, or left as text for the check to refuse."""

from __future__ import annotations

import pytest

from fakd_gui.train.options import (
    format_value,
    parse_number,
    parse_whole_number,
    parse_whole_numbers,
)


@pytest.mark.parametrize(("typed", "value"), [("1e-4", 1e-4), ("0,5", 0.5), ("much", "much"), ("", None)])
def test_numbers_are_parsed_or_stay_text(typed: str, value: object) -> None:
    assert parse_number(typed) == value


@pytest.mark.parametrize(("typed", "value"), [("12 000", 12_000), ("1.5", "1.5"), ("", None)])
def test_whole_numbers_are_parsed_or_stay_text(typed: str, value: object) -> None:
    assert parse_whole_number(typed) == value


@pytest.mark.parametrize("value", [1e-4, 0.1 + 0.2, 1 / 3, 123456789.25])
def test_a_formatted_number_is_parsed_as_the_same_number(value: float) -> None:
    assert parse_number(format_value(value)) == value


@pytest.mark.parametrize(
    ("typed", "value"), [("150000, 300000", (150_000, 300_000)), ("150 000", (150_000,)), ("a, 1", "a, 1")]
)
def test_milestones_are_parsed_or_stay_text(typed: str, value: object) -> None:
    assert parse_whole_numbers(typed) == value
