"""Upcycled inputs, label consistency and wavelet bands, against plain forms in float64."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fakd_core.data.patches import Zoom
from fakd_core.distillation.changes import CHANGES, InputChanges
from fakd_core.distillation.loss import DistillationLoss
from fakd_core.distillation.recipe import parse_recipe
from fakd_core.distillation.upcycling import Upcycling
from fakd_core.errors import ConfigError

DUKD = "ZoomIn(share=0.25,change=none)+0.5*ZoomOut(share=0.125)"


def images(*shape: int) -> Tensor:
    return 255 * torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


def gradient(loss: Tensor, of: Tensor) -> Tensor:
    (found,) = torch.autograd.grad(loss, of)
    return found


def test_the_loss_of_upcycled_patches_equals_its_formula() -> None:
    upcycling = Upcycling(parse_recipe(DUKD), 8)
    rows = upcycling.rows(8)
    assert rows is not None
    student, teacher, hr = (
        images(8, 3, 12, 12).requires_grad_(),
        images(8, 3, 12, 13)[..., 1:],
        images(8, 3, 13, 12)[:, :, 1:],
    )
    found = DistillationLoss(0.25, DUKD)(student, teacher, hr, rows=rows)
    with_hr, zoomed_in, zoomed_out = [0, 2, 3, 5, 7], [1, 6], [4]
    assert rows.ground_truth.tolist() == with_hr
    assert [rows.tolist() for rows in rows.upcycled.values()] == [zoomed_in, zoomed_out]

    def distance(one: Tensor, other: Tensor, places: list[int]) -> Tensor:
        return sum(((one[i] - other[i]).abs().sum() for i in places), torch.zeros(())) / (
            len(places) * 3 * 144
        )

    expected = (
        0.75 * distance(student, hr, with_hr)
        + 0.25 * distance(student, teacher, with_hr)
        + distance(student, teacher, zoomed_in)
        + 0.5 * distance(student, teacher, zoomed_out)
    )
    torch.testing.assert_close(found.total, expected)
    torch.testing.assert_close(gradient(found.total, student), gradient(expected, student))
    assert list(found.parts) == ["DS", "TS", "ZoomIn", "ZoomOut"]


@pytest.mark.parametrize("levels", [1, 2])
def test_haar_bands_equal_their_filters(levels: int) -> None:
    student, teacher = images(2, 3, 8, 12).requires_grad_(), images(2, 3, 8, 13)[..., 1:]
    found = DistillationLoss(0, f"Haar(levels={levels})")(student, teacher, teacher).raw["Haar"]
    low, high = torch.tensor([1.0, 1.0]), torch.tensor([1.0, -1.0])
    filters = [torch.outer(rows, columns).double() / 2 for rows in (low, high) for columns in (low, high)]

    def band(image: Tensor, weights: Tensor) -> Tensor:
        return F.conv2d(image, weights.expand(3, 1, 2, 2), stride=2, groups=3)

    expected, (s, t) = torch.zeros((), dtype=torch.float64), (student, teacher)
    for _ in range(levels):
        expected = expected + sum((band(s, f) - band(t, f)).abs().mean() for f in filters[1:])
        s, t = band(s, filters[0]), band(t, filters[0])
    expected = expected + (s - t).abs().mean()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(gradient(found, student), gradient(expected, student))


def test_haar_needs_room_for_its_levels() -> None:
    small = images(1, 3, 12, 12)
    with pytest.raises(
        ConfigError, match=r"Haar\(levels=4\) needs outputs of at least 16 x 16 .*found 12 x 12"
    ):
        DistillationLoss(0.5, "Haar(levels=4)")(small, small, small)


PLAIN: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # type: ignore[type-arg]
    "flip": lambda image: image[:, :, ::-1],
    "turn": lambda image: np.rot90(image, axes=(1, 2)),
    "channels": lambda image: np.stack([image[1], image[2], image[0]]),
    "invert": lambda image: 255 - image,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_what_it_is_called_and_is_undone(name: str) -> None:
    batch, changes = images(3, 3, 5, 5), InputChanges((name, "none", name))
    seen = changes.apply(batch)
    for row, expected in ((0, PLAIN[name](batch[0].numpy())), (1, batch[1].numpy())):
        assert np.array_equal(seen[row].numpy(), expected)
    torch.testing.assert_close(changes.undo(seen), batch)
    maps = images(3, 7, 5, 5)
    moved = PLAIN[name](maps[0].numpy()) if name in ("flip", "turn") else maps[0].numpy()
    changed = torch.stack([torch.from_numpy(moved.copy()), maps[1], maps[2]])
    torch.testing.assert_close(changes.undo_in_maps(changed)[:2], maps[:2])


def test_a_quarter_turn_needs_square_patches() -> None:
    with pytest.raises(ConfigError, match=r"needs square patches \(found 4 x 6\); choose flip"):
        InputChanges(("turn",)).apply(images(1, 3, 4, 6))


def test_any_change_is_drawn_for_every_patch_and_step_again() -> None:
    upcycling = Upcycling(parse_recipe("LC(share=0.5)"), 16)

    def drawn(step: int, count: int = 16, first: int = 0) -> tuple[str, ...]:
        changes = upcycling.changes(count, seed=3, step=step, first=first)
        assert changes is not None
        return changes.names

    found = Counter(name for step in range(40) for name in drawn(step))
    assert found["none"] == 320
    assert all(50 <= found[name] <= 110 for name in CHANGES)
    assert drawn(7) == drawn(7, 8) + drawn(7, 8, 8) != drawn(8)


def test_places_are_spread_evenly_over_processes() -> None:
    upcycling = Upcycling(parse_recipe(DUKD), 16)
    assert [zoom.name for zoom in upcycling.zooms] == [
        "NONE",
        "IN",
        "NONE",
        "NONE",
        "OUT",
        "NONE",
        "IN",
        "NONE",
    ]
    upcycling.check_shared(16, 2)
    with pytest.raises(ConfigError, match=r"4 processes can't share .* batch of 16 .* multiple of 32"):
        upcycling.check_shared(16, 4)


def test_nothing_is_upcycled_without_such_terms() -> None:
    upcycling = Upcycling(parse_recipe("10*SA"), 16)
    assert set(upcycling.zooms) == {Zoom.NONE}
    assert upcycling.rows(16) is upcycling.changes(16, seed=0, step=0, first=0) is None
    upcycling.check_shared(16, 16)


@pytest.mark.parametrize(
    ("recipe", "batch", "reason"),
    [
        ("ZoomIn(share=0.03)", 16, r"ZoomIn\(share=0.03\) is less than one patch of a batch of 16; .* 0.062"),
        (
            "ZoomIn(share=0.5)+LC(share=0.5)",
            8,
            "no patch of a batch of 8 is left with ground truth by ZoomIn and LC",
        ),
        ("ZoomOut", 1, r"ZoomOut\(share=0.25\) is less than one patch"),
    ],
)
def test_shares_that_no_batch_has(recipe: str, batch: int, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        Upcycling(parse_recipe(recipe), batch)
