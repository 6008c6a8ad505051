"""Published weights in an environment where spandrel and torchvision are real: `make test-teachers`."""

from __future__ import annotations

import importlib
import inspect
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from fakd_core import load_model
from fakd_core.errors import CheckpointError
from fakd_core.evaluation.evaluate import collect_results, evaluate
from fakd_core.models.external.network import SpandrelNetwork

pytestmark = pytest.mark.teachers

PUBLISHED = {
    "dctlsa_X2.pt": ("DCTLSA", 2, 38.246, 0.9614),
    "dctlsa_X4.pt": ("DCTLSA", 4, 32.523, 0.8990),
    "craft_ntire2024_x4.pth": ("CRAFT", 4, 32.388, 0.8971),
    "DITN_Real_x4.pth": ("DITN", 4, 32.100, 0.8940),
    # For anime with real degradations.
    "realesr-animevideov3.pth": ("RealESRGAN Compact", 4, 28.233, 0.8268),
}
"""File, architecture, scale, PSNR in dB and SSIM on Set5, of an independent implementation."""


@pytest.fixture(scope="module", autouse=True)
def _is_real(spandrel: ModuleType) -> None:
    """Nothing stands in for torchvision, as spandrel's own networks that need it show."""
    try:
        functional = importlib.import_module("torchvision.transforms.functional")
    except Exception as error:  # noqa: BLE001 - one made for another torch fails in ways of its own
        pytest.skip(f"torchvision can't be imported beside torch {torch.__version__}: {error}")
    inpainting = importlib.import_module("spandrel.architectures.LaMa.__arch.LaMa")
    assert inpainting.rotate is functional.rotate
    assert inspect.isfunction(functional.rotate)


@pytest.fixture
def weights(shared: Callable[[str], Path]) -> Callable[[str], Path]:
    """`weights(name)`: a published file; skips the test where it is absent."""
    return lambda name: shared(f"cases/weights/{name}")


@pytest.mark.parametrize("name", PUBLISHED)
def test_scores_are_the_published_ones(
    name: str, weights: Callable[[str], Path], shared: Callable[[str], Path]
) -> None:
    architecture, scale, psnr, ssim = PUBLISHED[name]
    network = load_model(weights(name))
    assert isinstance(network, SpandrelNetwork)
    assert (network.spec.architecture, network.spec.scale) == (architecture, scale)
    (result,) = collect_results(evaluate({name: network}, [shared("data/benchmark/Set5")]))
    assert result.images == 5
    assert result.psnr_y == pytest.approx(psnr, abs=0.02)
    assert result.ssim_y == pytest.approx(ssim, abs=0.0005)


@pytest.mark.parametrize("name", PUBLISHED)
def test_odd_sizes_equal_spandrel_s_own_call(
    name: str, weights: Callable[[str], Path], spandrel: ModuleType, tmp_path: Path
) -> None:
    # spandrel tries .pt files as programs first.
    path = Path(shutil.copy(weights(name), tmp_path / "copy.pth"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of code that is not ours.
        theirs = spandrel.ModelLoader().load_from_file(path)
    model = load_model(path)
    path.unlink()
    for height, width in ((7, 3), (1, 1), (33, 50)):
        lr = 255 * torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(1))
        with torch.inference_mode():
            sr = model(lr)
            assert torch.equal(sr.clamp(0, 255), theirs(lr / 255).clamp(0, 1) * 255), (height, width)
            maps = model.forward_features(lr)[1]
        assert [tuple(each.shape[2:]) for each in maps] == [(height, width)] * 4


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("kair_dncnn_25.pth", "DnCNN for restoration, x1; expected a network for super-resolution"),
        ("lfs_model.safetensors", "Git LFS pointer"),
        ("lfs_state.pth", "Git LFS pointer"),
    ],
)
def test_other_files_are_named_as_what_they_are(
    name: str, reason: str, weights: Callable[[str], Path]
) -> None:
    with pytest.raises(CheckpointError, match=reason):
        load_model(weights(name))
