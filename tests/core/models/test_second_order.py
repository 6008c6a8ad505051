"""Covariance pooling, its square root and the region non-local block equal their textbook formulas."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from fakd_core.models.san import (
    RegionNonLocal,
    SecondOrderChannelAttention,
    centre_crop,
    covariance,
    matrix_square_root,
    second_order_statistics,
)


def random_maps(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6), channels=st.integers(1, 6), height=st.integers(1, 7), width=st.integers(1, 7)
)
def test_covariance_is_that_of_the_centring_matrix(seed: int, channels: int, height: int, width: int) -> None:
    features = random_maps(seed, 2, channels, height, width)
    n = height * width
    centring = torch.eye(n, dtype=torch.float64) / n - torch.ones(n, n, dtype=torch.float64) / n**2
    columns = features.flatten(2)
    assert torch.allclose(covariance(features), columns @ centring @ columns.mT, atol=1e-12)
    assert torch.allclose(covariance(features + 100), covariance(features), atol=1e-9)


def test_square_root_converges_to_the_exact_one() -> None:
    """Five steps are within 1 % if the eigenvalues are similar, as trace normalisation presumes."""
    basis = torch.linalg.qr(random_maps(0, 3, 5, 5))[0]
    values = torch.tensor([1.0, 1.5, 2.0, 3.0, 4.0], dtype=torch.float64)
    matrix = basis @ torch.diag(values) @ basis.mT
    exact = basis @ torch.diag(values.sqrt()) @ basis.mT
    assert torch.allclose(matrix_square_root(matrix), exact, atol=1e-2)
    assert torch.allclose(matrix_square_root(9 * matrix), 3 * matrix_square_root(matrix))


def test_gradient_of_the_statistics() -> None:
    features = random_maps(1, 2, 3, 4, 3).requires_grad_()
    assert torch.autograd.gradcheck(second_order_statistics, (features,))


@pytest.mark.parametrize("shape", [(1, 4, 1, 1), (2, 4, 5, 5)])
def test_flat_features_have_statistics_of_zero_and_finite_gradients(shape: tuple[int, ...]) -> None:
    features = torch.full(shape, 3.0, requires_grad=True)
    statistics = second_order_statistics(features)
    statistics.sum().backward()
    assert torch.equal(statistics, torch.zeros(shape[0], 4, 1, 1))
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


def test_statistics_pool_over_the_central_1000_pixels() -> None:
    wide = random_maps(2, 1, 2, 3, 1007)
    assert torch.equal(centre_crop(wide), wide[..., 3:1003])
    assert torch.equal(second_order_statistics(wide), second_order_statistics(wide[..., 3:1003]))
    tall = wide.mT
    assert torch.equal(centre_crop(tall), tall[..., 3:1003, :])
    assert centre_crop(wide[..., :1000]).shape[-1] == 1000


def test_statistics_stay_in_float32_under_autocast() -> None:
    features = 50 * random_maps(3, 1, 8, 6, 6).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(second_order_statistics(features), second_order_statistics(features))
        assert second_order_statistics(features.bfloat16()).dtype == torch.float32
        autocast = second_order_statistics(features)
    assert torch.equal(autocast, second_order_statistics(features))


def test_attention_is_a_gate_per_channel() -> None:
    torch.manual_seed(0)
    features = torch.randn(1, 8, 5, 5)
    gate = SecondOrderChannelAttention(8, 4)(features) / features
    assert torch.allclose(gate, gate[:, :, :1, :1].expand_as(gate), atol=1e-5)
    assert ((gate > 0) & (gate < 1)).all()


@pytest.mark.parametrize("size", [(8, 8), (9, 7), (5, 4), (11, 6)])
def test_non_local_is_the_materialised_attention_of_each_quadrant(size: tuple[int, int]) -> None:
    torch.manual_seed(1)
    region = RegionNonLocal(8, 4).double()
    with torch.no_grad():
        for parameter in region.parameters():
            parameter.normal_(std=0.5)
    block = region.non_local
    features = random_maps(4, 2, 8, *size)
    expected = torch.zeros_like(features)
    height, width = size[0] // 2, size[1] // 2
    for rows in (slice(0, height), slice(height, None)):
        for columns in (slice(0, width), slice(width, None)):
            part = features[:, :, rows, columns]
            theta, phi, g = (layer(part).flatten(2) for layer in (block.theta, block.phi, block.g))
            attended = torch.softmax(theta.mT @ phi, 2) @ g.mT
            restored = attended.mT.reshape(2, 4, *part.shape[2:])
            expected[:, :, rows, columns] = part + block.W(restored)
    assert torch.allclose(region(features), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(8, 8), (9, 7)])
def test_non_local_never_builds_the_whole_matrix(layout: torch.memory_format, size: tuple[int, int]) -> None:
    """Only torch's blockwise attention is allowed, which fails if it would have to build the matrix."""
    features = torch.randn(2, 8, *size).to(memory_format=layout)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        RegionNonLocal(8, 2)(features).sum().backward()
        with torch.no_grad():
            RegionNonLocal(8, 2)(features)


def test_non_local_starts_as_the_identity() -> None:
    features = torch.randn(1, 8, 6, 6)
    assert torch.equal(RegionNonLocal(8, 2)(features), features)
