"""The learning rate by step."""

from __future__ import annotations

from functools import partial

import pytest

from fakd_core.training.schedule import learning_rate


def test_milestones_halve_the_learning_rate_as_in_the_paper() -> None:
    paper = partial(learning_rate, lr=1e-4, steps=200_000, milestones=(150_000, 300_000))
    rates = [paper(step) for step in (0, 149_999, 150_000, 300_000)]
    assert rates == pytest.approx([1e-4, 1e-4, 5e-5, 2.5e-5])


def test_cosine_warms_up_then_falls_to_zero() -> None:
    rates = [learning_rate(step, lr=1e-3, steps=1000, schedule="cosine") for step in range(1000)]
    assert max(rates) == pytest.approx(1e-3)
    assert rates.index(max(rates)) in (19, 20)
    assert rates[0] == pytest.approx(1e-3 / 20)
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[-1] < 1e-8
