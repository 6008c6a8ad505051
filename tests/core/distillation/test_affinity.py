"""Laws of the textbook affinities, which the streamed loss equals in value and gradient."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from fakd_core.distillation import affinity
from fakd_core.distillation.affinity import (
    affinity_row,
    channel_affinity,
    spatial_affinity,
    spatial_affinity_loss,
)
from fakd_core.errors import FeatureTapError

quick = settings(max_examples=30, deadline=None)
seeds = st.integers(0, 2**31 - 1)


def random_map(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def textbook_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """The method's formula: columns / (norm + 1e-8), FᵀF, mean absolute difference."""
    matrices = []
    for feature_map in (student, teacher):
        columns = feature_map.flatten(2)
        columns = columns / (columns.norm(dim=1, keepdim=True) + 1e-8)
        matrices.append(columns.transpose(1, 2) @ columns)
    return (matrices[0] - matrices[1]).abs().mean()


@quick
@given(seeds, st.integers(1, 3), st.integers(2, 6), st.integers(2, 5), st.integers(1, 5))
def test_affinities_are_symmetric_cosines(seed: int, b: int, c: int, h: int, w: int) -> None:
    feature_map = random_map(b, c, h, w, seed=seed)
    for matrix, size in ((spatial_affinity(feature_map), h * w), (channel_affinity(feature_map), c)):
        assert matrix.shape == (b, size, size)
        torch.testing.assert_close(matrix, matrix.mT)
        assert matrix.abs().max() <= 1 + 1e-12
        assert (matrix.diagonal(dim1=1, dim2=2) - 1).abs().max() < 1e-4


@quick
@given(seeds, st.floats(0.01, 1000), st.floats(0.01, 1000))
def test_streamed_loss_ignores_the_scale_of_each_map(seed: int, first: float, second: float) -> None:
    student, teacher = random_map(2, 3, 3, 4, seed=seed), random_map(2, 5, 3, 4, seed=seed + 1)
    expected = spatial_affinity_loss(student, teacher)
    torch.testing.assert_close(
        spatial_affinity_loss(student * first, teacher * second), expected, rtol=1e-5, atol=0
    )


@quick
@given(seeds, st.permutations(range(6)))
def test_streamed_loss_ignores_the_order_of_channels(seed: int, order: list[int]) -> None:
    student, teacher = random_map(2, 6, 3, 4, seed=seed), random_map(2, 6, 3, 4, seed=seed + 1)
    expected = spatial_affinity_loss(student, teacher)
    torch.testing.assert_close(spatial_affinity_loss(student[:, order], teacher), expected)
    torch.testing.assert_close(spatial_affinity_loss(student, teacher[:, order]), expected)


@quick
@given(
    seeds,
    st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 6), st.integers(1, 7), st.integers(1, 7)),
    st.integers(1, 11),
    st.integers(1, 5),
)
def test_streamed_equals_textbook_in_value_and_both_gradients(
    seed: int, sizes: tuple[int, int, int, int, int], rows: int, samples: int
) -> None:
    b, student_width, teacher_width, h, w = sizes
    maps = random_map(b, student_width, h, w, seed=seed), random_map(b, teacher_width, h, w, seed=seed + 1)
    with (
        mock.patch.object(affinity, "_MAX_ROWS", rows),
        mock.patch.object(affinity, "_max_samples", return_value=samples),
    ):
        assert_same_loss_and_gradients(maps, rtol=1e-9)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_streamed_equals_textbook_in_float32_over_several_strips(memory_format: torch.memory_format) -> None:
    maps = (
        random_map(3, 16, 17, 19, dtype=torch.float32),
        random_map(3, 8, 17, 19, seed=1, dtype=torch.float32),
    )
    with mock.patch.object(affinity, "_MAX_ROWS", 100):
        assert_same_loss_and_gradients(tuple(m.to(memory_format=memory_format) for m in maps), rtol=1e-3)


@pytest.mark.parametrize("intel", [True, False])
@pytest.mark.parametrize("onednn", [True, False])
def test_float32_on_a_cpu_is_correct_with_and_without_onednn(
    onednn: bool, intel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(affinity, "is_intel", lambda: intel)
    student, teacher = random_map(2, 32, 21, 23), random_map(2, 16, 21, 23, seed=1)
    exact = textbook_loss(student, teacher)
    with nullcontext() if onednn else mock.patch.object(affinity, "_has_onednn_linear", return_value=False):
        loss = spatial_affinity_loss(student.float(), teacher.float())
    torch.testing.assert_close(loss.double(), exact, rtol=1e-6, atol=0)


def assert_same_loss_and_gradients(maps: tuple[Tensor, ...], rtol: float) -> None:
    results = []
    for loss in (spatial_affinity_loss, textbook_loss):
        student, teacher = (feature_map.clone().requires_grad_() for feature_map in maps)
        value = loss(student, teacher)
        results.append((value, *torch.autograd.grad(3 * value, (student, teacher))))
    for streamed, textbook in zip(*results, strict=True):
        assert streamed.shape == textbook.shape
        # The two ends of a cosine of one channel are flat: there both gradients are rounding noise.
        assert (streamed - textbook).norm() <= rtol * textbook.norm() + 1e-8


@pytest.mark.parametrize(("student_needs", "teacher_needs"), [(True, True), (True, False), (False, True)])
def test_gradcheck(student_needs: bool, teacher_needs: bool) -> None:
    student = random_map(2, 3, 2, 3).requires_grad_(student_needs)
    teacher = random_map(2, 4, 2, 3, seed=1).requires_grad_(teacher_needs)
    with (
        mock.patch.object(affinity, "_MAX_ROWS", 4),
        mock.patch.object(affinity, "_max_samples", return_value=2),
    ):
        assert torch.autograd.gradcheck(spatial_affinity_loss, (student, teacher))


def test_equal_maps_give_exactly_zero() -> None:
    teacher = random_map(2, 64, 9, 9, dtype=torch.float32)
    student = teacher.clone().requires_grad_()
    loss = spatial_affinity_loss(student, teacher)
    loss.backward()
    assert loss == 0
    assert student.grad is not None
    assert not student.grad.any()


def test_zero_features_get_a_zero_gradient_and_leave_the_others_finite() -> None:
    student = random_map(1, 4, 3, 3, dtype=torch.float32)
    student[..., 1, 1] = 0
    student.requires_grad_()
    teacher = random_map(1, 4, 3, 3, seed=1, dtype=torch.float32)
    teacher[..., 0, 2] = 0
    loss = spatial_affinity_loss(student, teacher)
    torch.testing.assert_close(loss, textbook_loss(student, teacher))
    loss.backward()
    assert student.grad is not None
    assert student.grad.isfinite().all()
    assert not student.grad[..., 1, 1].any()
    assert 0 < student.grad.abs().max() < 10


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_computed_in_float32_under_autocast(dtype: torch.dtype) -> None:
    student, teacher = random_map(2, 8, 5, 5).to(dtype), random_map(2, 8, 5, 5, seed=1).to(dtype)
    expected = spatial_affinity_loss(student.float(), teacher.float())
    student.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        loss = spatial_affinity_loss(student, teacher)
        loss.backward()
    assert loss.dtype == torch.float32
    assert loss == expected
    assert student.grad is not None
    assert student.grad.dtype == dtype


class LargestTensor(TorchDispatchMode):
    """Records the largest number of elements that an operation returned."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        tensors = [
            item for item in (result if isinstance(result, tuple) else (result,)) if isinstance(item, Tensor)
        ]
        self.elements = max([self.elements, *(tensor.numel() for tensor in tensors)])
        return result


def test_no_n_by_n_matrix_is_made() -> None:
    student = random_map(2, 2, 48, 48, dtype=torch.float32).requires_grad_()
    teacher = random_map(2, 2, 48, 48, seed=1, dtype=torch.float32)
    with LargestTensor() as largest:
        spatial_affinity_loss(student, teacher).backward()
    assert 0 < largest.elements <= (48 * 48) ** 2 / 4


def test_second_derivative_is_refused_rather_than_wrong() -> None:
    student = random_map(1, 2, 2, 2).requires_grad_()
    loss = spatial_affinity_loss(student, random_map(1, 2, 2, 2, seed=1))
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(loss, student, create_graph=True)


@pytest.mark.parametrize("shape", [(2, 3, 4, 6), (1, 3, 5, 6), (2, 3, 30)])
def test_maps_of_other_sizes_are_refused_with_both_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(FeatureTapError) as caught:
        spatial_affinity_loss(torch.ones(2, 3, 5, 6), torch.ones(shape))
    assert "(2, 3, 5, 6)" in str(caught.value)
    assert str(shape) in str(caught.value)


@quick
@given(seeds, st.integers(0, 3), st.integers(0, 4))
def test_row_is_the_row_of_the_matrix(seed: int, y: int, x: int) -> None:
    feature_map = random_map(3, 4, 5, seed=seed)
    expected = spatial_affinity(feature_map.unsqueeze(0))[0, y * 5 + x].view(4, 5)
    torch.testing.assert_close(affinity_row(feature_map, y, x), expected)


def test_row_of_known_vectors() -> None:
    feature_map = torch.tensor([[[3.0, 0.0, -1.0, 1.0]], [[0.0, 2.0, 0.0, 1.0]]])
    torch.testing.assert_close(affinity_row(feature_map, 0, 0), torch.tensor([[1.0, 0.0, -1.0, 0.5**0.5]]))


@pytest.mark.parametrize(("y", "x"), [(4, 0), (0, 5), (-1, 0), (0, -1)])
def test_row_outside_the_map_is_refused(y: int, x: int) -> None:
    with pytest.raises(FeatureTapError, match=rf"y={y}, x={x}.*0\.\.3.*0\.\.4"):
        affinity_row(torch.ones(3, 4, 5), y, x)


def test_row_of_a_batch_is_refused() -> None:
    with pytest.raises(FeatureTapError, match="one feature map"):
        affinity_row(torch.ones(1, 3, 4, 5), 0, 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_equals_cpu() -> None:
    student, teacher = random_map(5, 6, 20, 21), random_map(5, 4, 20, 21, seed=1)
    results = []
    for device in ("cpu", "cuda"):
        with mock.patch.object(affinity, "_GPU_ELEMENTS", 400_000):
            leaf = student.to(device, copy=True).requires_grad_()
            loss = spatial_affinity_loss(leaf, teacher.to(device))
            results.append((loss.detach().cpu(), torch.autograd.grad(loss, leaf)[0].cpu()))
    for cpu, gpu in zip(*results, strict=True):
        torch.testing.assert_close(gpu, cpu)


def test_as_many_samples_at_once_as_fit_on_a_device() -> None:
    small, large = torch.empty(8, 100, 3, device="meta"), torch.empty(8, 2000, 3, device="meta")
    with mock.patch.object(affinity, "_GPU_ELEMENTS", 4 * 768 * 2000):
        assert affinity._max_samples(large) == 4, "768 rows at once"
        assert affinity._max_samples(small) == 4 * 768 * 2000 // 100**2
    with mock.patch.object(affinity, "_GPU_ELEMENTS", 1):
        assert affinity._max_samples(large) == 1


def test_l1_of_the_textbook_matrices_is_the_loss() -> None:
    student, teacher = random_map(2, 3, 4, 5), random_map(2, 6, 4, 5, seed=1)
    expected = F.l1_loss(spatial_affinity(student), spatial_affinity(teacher))
    torch.testing.assert_close(spatial_affinity_loss(student, teacher), expected)


@pytest.mark.parametrize("operator", [None, lambda *_: torch.zeros(3, 2)])
def test_an_operator_that_is_absent_or_changed_is_not_used(
    operator: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, right = torch.rand(1, 6, 4), torch.rand(1, 5, 4)
    monkeypatch.setattr(affinity, "is_intel", lambda: False)
    affinity._has_onednn_linear.cache_clear()
    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", operator, raising=False)
    try:
        torch.testing.assert_close(affinity._times_transposed(left, right), left @ right.mT)
    finally:
        affinity._has_onednn_linear.cache_clear()
