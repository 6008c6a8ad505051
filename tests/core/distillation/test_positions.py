"""Affinities over a random share of the positions: unbiased, the same in every process, cheap to keep."""

from __future__ import annotations

from itertools import combinations
from unittest import mock

import numpy as np
import pytest
import torch
from torch import Tensor

from fakd_core.distillation import positions
from fakd_core.distillation.affinity import spatial_affinity, spatial_affinity_loss
from fakd_core.distillation.loss import DistillationLoss
from fakd_core.distillation.positions import PositionDraws, sample_size, vectors_at
from fakd_core.distillation.recipe import parse_recipe
from fakd_core.distillation.terms import TERMS, FeaturePair
from fakd_core.errors import ConfigError, FeatureTapError


def random_map(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def sa(
    pairs: list[FeaturePair], share: float, draws: PositionDraws | None = None, name: str = "SA"
) -> Tensor:
    kind = TERMS.find(name)
    assert kind is not None
    values = {one.name: one.default for one in kind.parameters} | {"positions": share}
    return kind.compare(pairs, values, draws)


def test_the_mean_over_all_samples_is_the_loss_and_its_gradient() -> None:
    """Every sample of 3 of 6 positions is equally likely: their mean is the expected value, exactly."""
    student, teacher = random_map(1, 3, 2, 3).requires_grad_(), random_map(1, 5, 2, 3, seed=1)
    whole = spatial_affinity_loss(student, teacher)
    (expected,) = torch.autograd.grad(whole, student)
    losses, gradients = [], []
    for chosen in combinations(range(6), 3):
        drawn = torch.tensor([chosen])
        with mock.patch.object(positions.PositionDraws, "draw", lambda *_, drawn=drawn: drawn):
            loss = sa([FeaturePair(1, student, teacher)], 0.5)
        losses.append(loss.detach())
        gradients.append(torch.autograd.grad(loss, student)[0])
    torch.testing.assert_close(torch.stack(losses).mean(), whole.detach())
    torch.testing.assert_close(torch.stack(gradients).mean(0), expected)


def test_a_sample_equals_the_textbook_on_the_drawn_rows_and_columns() -> None:
    student, teacher = random_map(2, 3, 4, 5), random_map(2, 4, 4, 5, seed=1)
    draws = PositionDraws(3, [(0,), (1,)])
    count = sample_size(0.3, 20)
    drawn = draws.draw(2, 20, count)
    distances = (spatial_affinity(student) - spatial_affinity(teacher)).abs()
    parts = [one[rows][:, rows].sum() for one, rows in zip(distances, drawn, strict=True)]
    # Pairs off the diagonal, as many as in the whole matrix on average.
    expected = torch.stack(parts).sum() / 2 * (20 * 19) / (count * (count - 1)) / 20**2
    torch.testing.assert_close(sa([FeaturePair(2, student, teacher)], 0.3, draws), expected)


def test_positions_of_pooled_maps_are_drawn_after_pooling() -> None:
    student, teacher = random_map(1, 3, 8, 8), random_map(1, 3, 8, 8, seed=1)
    draws = PositionDraws(0, [(7,)])
    pooled = FeaturePair(1, *(torch.nn.functional.max_pool2d(one, 2) for one in (student, teacher)))
    assert sa([FeaturePair(1, student, teacher)], 0.25, draws, "PSA") == sa([pooled], 0.25, draws)


def test_all_positions_are_the_usual_loss() -> None:
    pairs = [FeaturePair(1, random_map(2, 3, 4, 4), random_map(2, 5, 4, 4, seed=1))]
    assert sa(pairs, 1) == spatial_affinity_loss(*pairs[0][1:])
    single = [FeaturePair(1, random_map(2, 3, 1, 1), random_map(2, 3, 1, 1, seed=1))]
    assert sa(single, 0.1) == spatial_affinity_loss(*single[0][1:])


@pytest.mark.parametrize(("share", "of", "count"), [(0.25, 16, 4), (0.25, 17, 5), (0.001, 100, 2), (1, 9, 9)])
def test_samples_are_rounded_up(share: float, of: int, count: int) -> None:
    assert sample_size(share, of) == count


def test_draws_differ_by_seed_step_image_and_layer_and_by_nothing_else() -> None:
    draws = PositionDraws(1, [(5, 0), (5, 1)])
    first = draws.draw(2, 100, 30)
    assert all(len(set(row)) == 30 and min(row) >= 0 and max(row) < 100 for row in first.tolist())
    others = [
        PositionDraws(2, draws.keys).draw(2, 100, 30)[0],
        PositionDraws(1, [(6, 0)]).draw(2, 100, 30)[0],
        draws.draw(3, 100, 30)[0],
        first[1],
    ]
    assert all(set(other.tolist()) != set(first[0].tolist()) for other in others)
    # A process that has only the second image draws the same for it.
    assert torch.equal(PositionDraws(1, [(5, 1)]).draw(2, 100, 30)[0], first[1])


def test_every_position_is_drawn_equally_often() -> None:
    drawn = PositionDraws(0, [(step, 0) for step in range(4000)]).draw(1, 12, 3)
    counts = np.bincount(drawn.flatten(), minlength=12)
    assert abs(counts - 1000).max() < 120  # 4 standard deviations


def test_a_cache_may_hold_the_drawn_vectors_alone() -> None:
    student, teacher = random_map(2, 3, 4, 4), random_map(2, 5, 4, 4, seed=1)
    draws = PositionDraws(0, [(3,), (8,)])
    kept = vectors_at(teacher, draws.draw(1, 16, 4))
    assert kept.shape == (2, 5, 4, 1)
    whole = sa([FeaturePair(1, student, teacher)], 0.25, draws)
    assert sa([FeaturePair(1, student, kept)], 0.25, draws) == whole
    for wrong in (kept[:, :, :3], kept.mT):
        with pytest.raises(FeatureTapError, match="equal batch, height and width"):
            sa([FeaturePair(1, student, wrong)], 0.25, draws)
    with pytest.raises(FeatureTapError, match="equal batch, height and width"):
        sa([FeaturePair(1, student, kept)], 0.25, draws, "PSA")


@pytest.mark.parametrize(
    ("recipe", "text", "share"),
    [
        ("10*SA(positions=0.25)", "10*SA(positions=0.25)", 0.25),
        ("10*sa(POSITIONS=1)", "10*SA", 1),
        ("PSA(positions=0.5)", "1*PSA(k=2,pool=max,positions=0.5)", 1),
        ("SA(positions=0.5)+AT", "1*SA(positions=0.5)+1*AT", 1),
        ("none", "none", 1),
    ],
)
def test_recipes_with_a_share(recipe: str, text: str, share: float) -> None:
    parsed = parse_recipe(recipe)
    assert (str(parsed), parsed.share) == (text, share)
    assert parse_recipe(str(parsed)) == parsed


@pytest.mark.parametrize("value", ["0", "1.5", "-0.5", "all", "nan"])
def test_impossible_shares_are_refused(value: str) -> None:
    with pytest.raises(ConfigError, match=r"positions must be a number in 0\.001\.\.1"):
        parse_recipe(f"SA(positions={value})")


def test_the_loss_hands_the_draws_to_its_terms() -> None:
    loss = DistillationLoss(0.5, "10*SA(positions=0.25)", layers=(1,))
    image = torch.zeros(2, 3, 8, 8)
    students, teachers = ([None, random_map(2, 3, 8, 8, seed=seed)] for seed in (0, 1))
    found = [
        float(
            loss(image, image, image, students, teachers, PositionDraws(0, [(step, 0), (step, 1)])).raw["SA"]
        )
        for step in (1, 1, 2)
    ]
    assert found[0] == found[1] != found[2]
