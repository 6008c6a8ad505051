"""Every term equals its formula in plain numpy, and refuses maps that it can't compare."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fakd_core.distillation.terms import TERMS, FeaturePair, Parameter, TermKind, Value
from fakd_core.errors import ConfigError, FeatureTapError
from fakd_core.plugins import Registry

Array = npt.NDArray[np.float64]
ALL = ["SA", "PSA", "CA", "IA", "FSP", "AT", "FitNet", "MMD", "RBF"]
EQUAL_WIDTH = ["CA", "FSP", "FitNet"]


def defaults(name: str, **given: Value) -> dict[str, Value]:
    kind = TERMS.find(name)
    assert kind is not None
    return {parameter.name: parameter.default for parameter in kind.parameters} | given


def compare(name: str, pairs: Sequence[FeaturePair], **given: Value) -> Tensor:
    kind = TERMS.find(name)
    assert kind is not None
    return kind.compare(pairs, defaults(name, **given))


def random_pairs(
    widths: tuple[int, int] = (4, 4), size: tuple[int, int] = (5, 7), batch: int = 3
) -> list[FeaturePair]:
    generator = torch.Generator().manual_seed(0)
    maps = [[torch.randn(batch, c, *size, generator=generator).double() for c in widths] for _ in range(3)]
    return [FeaturePair(layer + 1, *pair) for layer, pair in enumerate(maps)]


def pool(feature_map: Array, k: int, how: Callable[..., Array]) -> Array:
    _, _, height, width = feature_map.shape
    rows = [
        [how(feature_map[:, :, y : y + k, x : x + k], axis=(2, 3)) for x in range(0, width, k)]
        for y in range(0, height, k)
    ]
    return np.stack([np.stack(row, axis=2) for row in rows], axis=2)


def cosines(feature_map: Array) -> Array:
    b, c, h, w = feature_map.shape
    result = np.empty((b, h * w, h * w))
    for sample, columns in enumerate(feature_map.reshape(b, c, -1)):
        for i, first in enumerate(columns.T):
            for j, second in enumerate(columns.T):
                norms = (np.linalg.norm(first) + 1e-8) * (np.linalg.norm(second) + 1e-8)
                result[sample, i, j] = first @ second / norms
    return result


def channel_cosines(feature_map: Array) -> Array:
    return cosines(feature_map.reshape(*feature_map.shape[:2], -1, 1).transpose(0, 2, 1, 3))


def batch_affinity(feature_map: Array) -> Array:
    rows = feature_map.reshape(len(feature_map), -1)
    products = np.array([[first @ second for second in rows] for first in rows])
    return np.array([row / np.linalg.norm(row) for row in products])


def attention(feature_map: Array) -> Array:
    energy = (feature_map**2).sum(1)
    return np.stack([sample / (np.linalg.norm(sample) + 1e-6) for sample in energy])


def mean_distances(feature_map: Array) -> Array:
    means = feature_map.mean(1).reshape(len(feature_map), -1)
    return np.stack([np.abs(np.subtract.outer(sample, sample)) for sample in means])


def gaussian_series(feature_map: Array, P: int, gamma: float) -> Array:
    s = cosines(feature_map)
    return sum(math.exp(-2 * gamma) * (2 * gamma) ** p / math.factorial(p) * s**p for p in range(P + 1))


FORMULAS: list[tuple[str, dict[str, Value], Callable[[Array], Array]]] = [
    ("SA", {}, cosines),
    ("PSA", {}, lambda f: cosines(pool(f, 2, np.max))),
    ("PSA", {"k": 3, "pool": "avg"}, lambda f: cosines(pool(f, 3, np.mean))),
    ("PSA", {"k": 1}, cosines),
    ("CA", {}, channel_cosines),
    ("IA", {}, batch_affinity),
    ("AT", {}, attention),
    ("FitNet", {}, lambda f: f),
    ("MMD", {}, lambda f: mean_distances(pool(f, 2, np.max))),
    ("MMD", {"k": 4, "pool": "avg"}, lambda f: mean_distances(pool(f, 4, np.mean))),
    ("RBF", {}, lambda f: gaussian_series(pool(f, 2, np.max), 2, 5)),
    (
        "RBF",
        {"k": 3, "pool": "avg", "P": 5, "gamma": 0.7},
        lambda f: gaussian_series(pool(f, 3, np.mean), 5, 0.7),
    ),
]


@pytest.mark.parametrize(
    ("name", "given", "formula"), FORMULAS, ids=[f"{n}{g or ''}" for n, g, _ in FORMULAS]
)
def test_term_equals_its_formula(
    name: str, given: dict[str, Value], formula: Callable[[Array], Array]
) -> None:
    pairs = random_pairs()
    expected = sum(np.abs(formula(s.numpy()) - formula(t.numpy())).mean() for _, s, t in pairs)
    assert compare(name, pairs, **given).item() == pytest.approx(expected, rel=1e-6)


def test_fsp_equals_its_formula() -> None:
    def flow(first: Tensor, second: Tensor) -> Array:
        return np.einsum("bchw,bdhw->bcd", first.numpy(), second.numpy()) / (5 * 7)

    pairs = random_pairs()
    expected = sum(
        np.abs(
            flow(pairs[i].student, pairs[i + 1].student) - flow(pairs[i].teacher, pairs[i + 1].teacher)
        ).mean()
        for i in (0, 1)
    )
    assert compare("FSP", pairs).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("larger_first", [True, False])
def test_fsp_pools_the_larger_map_first(larger_first: bool) -> None:
    large, small = random_pairs(size=(7, 9))[0], random_pairs(size=(3, 4))[1]
    pooled = FeaturePair(1, *(F.adaptive_avg_pool2d(feature_map, (3, 4)) for feature_map in large[1:]))
    pairs, expected = [large, small], [pooled, small]
    if not larger_first:
        pairs, expected = pairs[::-1], expected[::-1]
    torch.testing.assert_close(compare("FSP", pairs), compare("FSP", expected))


def test_all_terms_are_registered() -> None:
    assert list(TERMS.names) == [*ALL, "Haar", "ZoomIn", "ZoomOut", "LC"]


@pytest.mark.parametrize("name", ALL)
def test_term_is_zero_for_equal_maps_and_differentiable_otherwise(name: str) -> None:
    pairs = random_pairs()
    assert compare(name, [FeaturePair(i, t, t) for i, _, t in pairs]) == 0
    students = [s.clone().requires_grad_() for _, s, _ in pairs]
    loss = compare(name, [FeaturePair(p.layer, s, p.teacher) for p, s in zip(pairs, students, strict=True)])
    for gradient in torch.autograd.grad(loss, students):
        assert gradient.isfinite().all()
        assert gradient.abs().max() > 0


@pytest.mark.parametrize("name", ALL)
def test_a_map_of_zeros_gives_a_finite_gradient(name: str) -> None:
    pairs = [FeaturePair(i, torch.zeros_like(s).requires_grad_(), t) for i, s, t in random_pairs()]
    gradients = torch.autograd.grad(compare(name, pairs), [pair.student for pair in pairs])
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("name", ALL)
def test_widths_may_differ_where_the_representation_does_not_depend_on_them(name: str) -> None:
    pairs = random_pairs(widths=(3, 5))
    if name not in EQUAL_WIDTH:
        assert compare(name, pairs) > 0
        return
    with pytest.raises(FeatureTapError, match=f"{name} needs .* equal width; layer 1 has 3 .* 5 "):
        compare(name, pairs)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (2, 4, 5, 7), (4, 5, 7)])
def test_other_sizes_are_refused_with_layer_and_both_shapes(name: str, shape: tuple[int, ...]) -> None:
    pairs = [FeaturePair(layer, s, torch.ones(shape)) for layer, s, _ in random_pairs()]
    with pytest.raises(FeatureTapError) as caught:
        compare(name, pairs)
    assert f"layer 1: student (3, 4, 5, 7), teacher {shape}" in str(caught.value)


@pytest.mark.parametrize("name", ALL)
def test_computed_in_float32_under_autocast(name: str) -> None:
    pairs = [FeaturePair(i, s.bfloat16(), t.bfloat16()) for i, s, t in random_pairs()]
    expected = compare(name, [FeaturePair(i, s.float(), t.float()) for i, s, t in pairs])
    with torch.autocast("cpu", torch.bfloat16):
        loss = compare(name, pairs)
    assert loss.dtype == torch.float32
    assert loss == expected


def test_one_sample_has_no_batch_affinity() -> None:
    assert compare("IA", random_pairs(batch=1)) == 0


def test_too_few_layers_for_fsp() -> None:
    with pytest.raises(FeatureTapError, match="at least 2 layers, found 1"):
        compare("FSP", random_pairs()[:1])


def test_a_taken_name_is_refused_and_changes_nothing() -> None:
    first = TermKind("New", "a new one", lambda pairs, values: pairs[0].student.sum())
    table = Registry(TermKind, "distillation term", entries=[first])
    with pytest.raises(ConfigError, match="'NEW': this name is already taken"):
        table.register(TermKind("NEW", "another", lambda pairs, values: pairs[0].teacher.sum()))
    assert list(table) == [first]
    assert table.find("new") is first
    assert table.find("nothing") is None


@pytest.mark.parametrize("text", ["0", "33", "2.5", "two", "", "1e400", "-1"])
def test_parameter_refuses(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Parameter("k", 2, low=1, high=32).parse(text)


def test_parameter_accepts_its_ends() -> None:
    assert Parameter("k", 2, low=1, high=32).parse("1") == 1
    assert Parameter("gamma", 5.0, low=0.5, high=40).parse("40") == 40.0
    assert Parameter("pool", "max", choices=("max", "avg")).parse("AVG") == "avg"


def test_the_parameters_of_the_terms_and_their_bounds() -> None:
    pooling = [("k", 2, 1, 32, ()), ("pool", "max", 0, 0, ("max", "avg"))]
    found = {
        kind.name: [(p.name, p.default, p.low, p.high, p.choices) for p in kind.parameters]
        for kind in TERMS
        if kind.parameters
    }
    positions = ("positions", 1.0, 0.001, 1, ())
    changes = ("any", "none", "flip", "turn", "channels", "invert")
    upcycled = [("share", 0.25, 0.001, 0.999, ()), ("change", "any", 0, 0, changes)]
    assert found == {
        "SA": [positions],
        "PSA": [*pooling, positions],
        "MMD": pooling,
        "RBF": [*pooling, ("P", 2, 1, 20, ()), ("gamma", 5.0, 0.001, 40, ())],
        "Haar": [("levels", 1, 1, 5, ())],
        **dict.fromkeys(("ZoomIn", "ZoomOut", "LC"), upcycled),
    }
