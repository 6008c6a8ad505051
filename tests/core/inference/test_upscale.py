"""Tiled upscaling equals the whole image, has bounded memory, and can be cancelled."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from fakd_core.errors import ConfigError, DataError
from fakd_core.events import Cancelled, CancelToken, Image8, Progress
from fakd_core.inference.tiling import MIN_TILE
from fakd_core.inference.upscale import (
    Strip,
    Tile,
    image_from_tensor,
    tensor_from_image,
    upscale,
    upscale_events,
)
from fakd_core.models.cost import activation_bytes
from fakd_core.models.factory import create_model
from fakd_core.models.layers import SRNetwork
from fakd_core.models.spec import ModelSpec

LOCAL = ModelSpec(architecture="local", scale=2, n_feats=4)
OFFSET = ModelSpec(architecture="offset", scale=2, n_feats=1)


class Local(SRNetwork):
    """Three 5x5 convolutions and a pixel shuffle: a receptive field of 6 pixels around each."""

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


def strips(
    network: SRNetwork,
    img: Image8,
    *,
    tile: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Iterator[Image8]:
    for event in upscale_events(network, img, tile=tile):
        if isinstance(event, Strip):
            yield event.pixels
        elif isinstance(event, Progress) and on_progress is not None:
            on_progress(event)


class Offset(SRNetwork):
    """Nearest neighbour plus an offset that differs between calls, as global statistics of tiles do."""

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


def test_large_images_are_tiled_automatically(network: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "fakd_core.inference.upscale.MAX_ACTIVATION_BYTES", activation_bytes(network, 256, 256)
    )
    seen: list[Progress] = []
    upscale(network, noise(200, 400), on_progress=seen.append)
    assert [(progress.done, progress.total) for progress in seen] == [(1, 2), (2, 2)]


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


def test_other_inputs_are_refused(network: Local) -> None:
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


class Hungry(Local):
    """Has memory for so many LR pixels at once; after `lasts` passes, for half the side."""

    side = 128
    lasts = 1000

    def forward(self, lr: Tensor) -> Tensor:
        side = self.side if len(self.sizes) < self.lasts else self.side // 2
        if max(lr.shape[2:]) > side and lr.device.type != "meta":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return super().forward(lr)


def test_out_of_memory_halves_the_tile_and_keeps_finished_strips() -> None:
    torch.manual_seed(0)
    hungry = Hungry().eval()
    img = noise(400, 300)
    hungry.side = 1000
    whole = upscale(hungry, img)
    # The first tile of the last of three rows still fits, the second doesn't.
    hungry.side, hungry.lasts = 200, 5
    hungry.sizes.clear()
    seen: list[Progress] = []
    tiled = np.concatenate(list(strips(hungry, img, on_progress=seen.append)))
    assert np.abs(tiled.astype(int) - whole).max() <= 1
    assert [progress.note for progress in seen if progress.note] == [
        "out of memory with 400 LR pixels at once, continuing with 200",
        "out of memory with 200 LR pixels at once, continuing with 100",
    ]
    small = [size for size in hungry.sizes if max(size) <= 100]
    assert len(hungry.sizes) - len(small) == 5
    counts = [(progress.done, progress.total) for progress in seen if not progress.note]
    assert counts[:5] == [(done, 6) for done in range(1, 6)]
    assert counts[5:] == [(done, 4 + len(small)) for done in range(5, 5 + len(small))]


def test_out_of_memory_ends_in_one_error_and_other_errors_pass() -> None:
    hungry = Hungry().eval()
    hungry.side = 50
    with pytest.raises(DataError, match=r"memory for tiles of 96.*take a smaller network"):
        upscale(hungry, noise(200, 200))
    with pytest.raises(DataError, match="memory for tiles of 60"):
        upscale(hungry, noise(60, 60))
    broken = Local().eval()
    broken.body[0] = nn.Conv2d(4, 4, 5)
    with pytest.raises(RuntimeError, match=r"expected input.*to have 4 channels"):
        upscale(broken, noise(200, 200), tile=128)


def test_strips_come_one_row_of_tiles_at_a_time(network: Local) -> None:
    img = noise(300, 200)
    network.sizes.clear()
    parts = strips(network, img, tile=128)
    assert not network.sizes
    first = next(parts)
    assert len(network.sizes) == 3
    assert first.shape[1] == 400
    rest = list(parts)
    assert len(network.sizes) == 3 * (1 + len(rest))
    assert max(len(strip) for strip in (first, *rest)) <= 2 * 128
    assert np.array_equal(np.concatenate([first, *rest]), upscale(network, img, tile=128))


def test_edsr_in_tiles_equals_the_whole_exactly_where_the_overlap_covers_its_receptive_field() -> None:
    torch.manual_seed(1)
    img = noise(250, 170)
    # 3x3 convolutions before the pixel shuffle see 1 LR pixel each: 2 per block and 3, of the 24 there are.
    edsr = create_model("edsr", scale=2, n_feats=8, n_resblocks=10).eval()
    nn.init.normal_(edsr.tail[-1].weight, std=0.3)
    whole = upscale(edsr, img)
    assert whole.std() > 20
    assert np.array_equal(upscale(edsr, img, tile=128), whole)
    # With a receptive field of 83 it depends on what lies outside the tile.
    deep = create_model("edsr", scale=2, n_feats=8, n_resblocks=40).eval()
    for block in deep.body[:-1]:
        nn.init.normal_(block.body[2].weight, std=0.3)
    assert not np.array_equal(upscale(deep, img, tile=128), upscale(deep, img))


def test_a_result_too_large_for_one_array_is_refused_first(network: Local) -> None:
    lr = np.broadcast_to(np.zeros(3, np.uint8), (20_000, 18_000, 3))
    with pytest.raises(DataError, match="4 GiB, found 36000x40000"):
        upscale(network, lr, tile=192)
    assert next(strips(network, lr[:, :100], tile=192)).shape[1] == 200


def test_tiles_are_yielded_with_their_places(network: Local) -> None:
    img = noise(300, 200)
    network.sizes.clear()
    made = np.zeros((600, 400, 3), np.uint8)
    events = list(upscale_events(network, img, tile=128, show_tiles=True))
    tiles = [event for event in events if isinstance(event, Tile)]
    for tile in tiles:
        height, width = tile.pixels.shape[:2]
        made[tile.top : tile.top + height, tile.left : tile.left + width] = tile.pixels
    assert len(tiles) == len(network.sizes)
    assert np.array_equal(made, upscale(network, img, tile=128))
    assert np.array_equal(
        made, np.concatenate([event.pixels for event in events if isinstance(event, Strip)])
    )
    assert not any(isinstance(event, Tile) for event in upscale_events(network, img, tile=128))
