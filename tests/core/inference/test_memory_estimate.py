"""The memory of a pass is estimated once, from the network at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor, nn

from fakd_core.data.datasets import open_dataset
from fakd_core.data.image_files import write_image
from fakd_core.inference.upscale import upscale
from fakd_core.models.cost import activation_bytes, profile
from fakd_core.models.layers import SRNetwork
from fakd_core.models.spec import ModelSpec

SPEC = ModelSpec(architecture="registered-nowhere", scale=2, n_feats=4)


class Own(SRNetwork):
    """A network that can't be made from its spec alone."""

    def __init__(self, spec: ModelSpec, *, hidden: int) -> None:
        super().__init__(spec)
        self.body = nn.Sequential(
            nn.Conv2d(3, hidden, 3, padding=1), nn.Conv2d(hidden, 12, 1), nn.PixelShuffle(2)
        )

    def forward(self, lr: Tensor) -> Tensor:
        output: Tensor = self.body(lr)
        return output


@pytest.fixture
def network() -> SRNetwork:
    return Own(SPEC, hidden=4).eval()


def test_an_architecture_whose_network_is_a_factory_upscales(network: SRNetwork) -> None:
    assert upscale(network, np.zeros((20, 30, 3), np.uint8)).shape == (40, 60, 3)
    assert profile(network, (10, 20)).parameters == sum(weights.numel() for weights in network.parameters())


def test_hooks_of_other_code_do_not_run_on_the_copy(network: SRNetwork) -> None:
    network.register_forward_hook(lambda _m, _i, sr: bool(sr.isfinite().all()) and None)
    assert activation_bytes(network, 2000, 3000) > 4 * 3 * 2000 * 3000


def test_an_image_no_larger_than_one_that_fitted_is_not_estimated_again(
    network: SRNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimated = list[tuple[int, int]]()

    def estimate(_network: SRNetwork, height: int, width: int) -> int:
        estimated.append((height, width))
        return 1

    monkeypatch.setattr("fakd_core.inference.upscale.activation_bytes", estimate)
    for height, width in ((20, 30), (20, 30), (9, 30), (21, 9)):
        upscale(network, np.zeros((height, width, 3), np.uint8))
    assert estimated == [(20, 30), (21, 9)]


def test_memory_is_estimated_before_the_clock_of_an_evaluation(
    network: SRNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fakd_core.evaluation import scoring

    order: list[str] = []
    time = scoring.time.perf_counter

    def clock() -> float:
        order.append("clock")
        return time()

    def estimate(*_: Any) -> int:
        order.append("estimate")
        return 1

    monkeypatch.setattr("fakd_core.inference.upscale.activation_bytes", estimate)
    monkeypatch.setattr(scoring.time, "perf_counter", clock)

    write_image(tmp_path / "a.png", np.zeros((40, 60, 3), np.uint8))
    work = scoring.score_images(
        "own",
        network,
        open_dataset(tmp_path, 2),
        tile=None,
        outputs=None,
        timing=False,
        cancel=scoring.CancelToken(),
        started=lambda index: index,
    )
    list(work)
    before = order[: order.index("clock")]
    assert "estimate" in before
    assert "estimate" not in order[order.index("clock") :]
