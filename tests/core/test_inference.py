"""Tiled upscaling: equal to the whole, bounded, stoppable."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from fakd_core.config import ModelSpec
from fakd_core.errors import ConfigError, DataError
from fakd_core.events import Cancelled, CancelToken, Progress
from fakd_core.images import imresize_bicubic
from fakd_core.inference import bicubic_upscale, image_from_tensor, tensor_from_image, upscale
from fakd_core.memory import activation_bytes
from fakd_core.models import SRNetwork
from fakd_core.tiles import MIN_TILE

LOCAL = ModelSpec(architecture="local", scale=2, n_feats=4)
OFFSET = ModelSpec(architecture="offset", scale=2, n_feats=1)


class Local(SRNetwork):
    """Three 5x5 convolutions and a pixel shuffle: sees 6 pixels around each."""

    def __init__(self, spec: ModelSpec = LOCAL) -> None:
        super().__init__(spec)
        scale = spec.scale
        layers = [nn.Conv2d(3, 4, 5, padding=2), nn.ReLU(), nn.Conv2d(4, 4, 5, padding=2)]
        self.body = nn.Sequential(*layers, nn.Conv2d(4, 3 * scale**2, 5, padding=2), nn.PixelShuffle(scale))
        self.sizes: list[tuple[int, int]] = []

    def forward(self, lr: Tensor) -> Tensor:
        self.sizes.append((lr.shape[2], lr.shape[3]))
        output: Tensor = self.body(lr) * 3
        return output


class Offset(SRNetwork):
    """Nearest neighbour plus a number that differs from call to call, as global statistics of tiles do."""

    def __init__(self, spec: ModelSpec = OFFSET) -> None:
        super().__init__(spec)
        self.unused = nn.Parameter(torch.zeros(1))
        self.calls = 0

    def forward(self, lr: Tensor) -> Tensor:
        self.calls += 1
        return nn.functional.interpolate(lr, scale_factor=2) + 40 * (self.calls % 2)


@pytest.fixture(scope="module")
def network() -> Local:
    torch.manual_seed(0)
    return Local().eval()


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), dtype=np.uint8)


@given(height=st.integers(1, 230), width=st.integers(1, 230), tile=st.integers(MIN_TILE, 140))
@settings(max_examples=15, deadline=None)
def test_tiles_equal_the_whole_for_a_local_network(
    network: Local, height: int, width: int, tile: int
) -> None:
    img = noise(height, width)
    whole = upscale(network, img)
    assert whole.shape == (height * 2, width * 2, 3)
    network.sizes.clear()
    tiled = upscale(network, img, tile=tile)
    assert max(max(size) for size in network.sizes) <= tile
    # Convolutions of another size may sum in another order: a value at one half can round the other way.
    assert np.abs(tiled.astype(int) - whole).max() <= 1
    assert (tiled != whole).mean() < 1e-4


def test_seams_of_a_global_network_are_faded() -> None:
    img = np.full((150, 100, 3), 100, np.uint8)
    rows = upscale(Offset(), img, tile=120)[:, 0, 0].astype(int)
    assert (rows.min(), rows.max()) == (100, 140)
    assert np.abs(np.diff(rows)).max() <= 3
    columns = upscale(Offset(), img.swapaxes(0, 1).copy(), tile=120)[0, :, 0].astype(int)
    assert np.array_equal(columns, rows)


def test_whole_image_equals_the_plain_forward(network: Local) -> None:
    img = noise(20, 31)
    with torch.inference_mode():
        plain = network(torch.from_numpy(img).permute(2, 0, 1)[None].float())
    expected = plain[0].permute(1, 2, 0).numpy().clip(0, 255)
    assert np.abs(upscale(network, img) - expected).max() <= 0.5 + 1e-3


def test_large_images_are_tiled_by_themselves(network: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fakd_core.inference.ACTIVATION_BYTES", activation_bytes(network, 192, 192))
    seen: list[Progress] = []
    upscale(network, noise(200, 300), on_progress=seen.append)
    assert [(progress.done, progress.total) for progress in seen] == [(done, 4) for done in (1, 2, 3, 4)]


def test_cancel_stops_between_tiles_and_inside_one(network: Local) -> None:
    token = CancelToken()
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        token.cancel()

    with pytest.raises(Cancelled):
        upscale(network, noise(200, 200), tile=MIN_TILE, on_progress=stop, cancel=token)
    assert len(seen) == 1

    token = CancelToken()
    handle = network.body[0].register_forward_hook(lambda *_: token.cancel())
    reached: list[int] = []
    last = network.body[-1].register_forward_hook(lambda *_: reached.append(1))
    with pytest.raises(Cancelled):
        upscale(network, noise(8, 8), cancel=token)
    handle.remove()
    last.remove()
    assert not reached
    assert upscale(network, noise(8, 8)).shape == (16, 16, 3)
    assert not any(layer._forward_pre_hooks for layer in network.modules())


def test_unfit_input_is_refused(network: Local) -> None:
    with pytest.raises(ConfigError, match=f"at least {MIN_TILE}.*found 64"):
        upscale(network, noise(8, 8), tile=64)
    with pytest.raises(DataError, match=r"\(8, 8\)"):
        upscale(network, noise(8, 8)[..., 0])
    with pytest.raises(DataError, match="float64"):
        upscale(network, noise(8, 8) / 255)


def test_tensors_and_images_convert_both_ways() -> None:
    img = noise(5, 7)
    tensor = tensor_from_image(img)
    assert (tensor.shape, tensor.dtype) == ((1, 3, 5, 7), torch.float32)
    assert tensor.is_contiguous(memory_format=torch.channels_last)
    assert np.array_equal(image_from_tensor(tensor), img)
    values = torch.tensor([-3.0, 0.4, 0.6, 254.6, 300.0]).expand(3, 1, 5)
    assert image_from_tensor(values)[0, :, 0].tolist() == [0, 0, 1, 255, 255]
    with pytest.raises(DataError, match=r"\(1, 5, 7\)"):
        image_from_tensor(tensor[0, :1])


def test_bicubic_upscale_is_matlabs() -> None:
    img = noise(5, 7)
    assert np.array_equal(bicubic_upscale(img, 4), imresize_bicubic(img, 4))
