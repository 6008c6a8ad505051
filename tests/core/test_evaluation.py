"""Sets of images → scores, as rows, JSON, CSV and saved outputs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fakd_core.config import ModelSpec
from fakd_core.datasets import open_dataset
from fakd_core.errors import ConfigError
from fakd_core.evaluation import Result, evaluate, to_csv, to_json
from fakd_core.events import Cancelled, CancelToken, Progress
from fakd_core.images import read_image, write_png
from fakd_core.models import SRNetwork

Shared = Callable[[str], Path]


class Nearest(SRNetwork):
    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec)
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, lr: Tensor) -> Tensor:
        return nn.functional.interpolate(lr, scale_factor=self.spec.scale)


def nearest(scale: int) -> Nearest:
    return Nearest(ModelSpec(architecture="nearest", scale=scale, n_feats=1))


@pytest.mark.parametrize(
    ("name", "scale", "psnr", "ssim"),
    [
        ("Set5", 2, 33.673, 0.9303),
        ("Set5", 3, 30.403, 0.8689),
        ("Set5", 4, 28.429, 0.8111),
        ("Set5", 8, 24.397, 0.6581),
        ("Set14", 4, 26.088, 0.7048),
        ("B100", 4, 25.962, 0.6681),
    ],
)
def test_bicubic_baseline(shared: Shared, name: str, scale: int, psnr: float, ssim: float) -> None:
    (result,) = evaluate({"bicubic": None}, open_dataset(shared(f"data/benchmark/{name}"), scale))
    assert result.psnr_y == pytest.approx(psnr, abs=5.1e-4)
    assert result.ssim_y == pytest.approx(ssim, abs=5.1e-5)
    assert result.images == len(result.per_image)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        write_png(tmp_path / "set" / f"{name}.png", rng.integers(0, 256, (48, 40, 3), dtype=np.uint8))
    return tmp_path / "set"


def test_rows_come_as_they_are_done_and_progress_counts_images(folder: Path) -> None:
    log: list[object] = []
    models = {"nearest": nearest(2), "bicubic": None}
    results = evaluate(models, open_dataset(folder, 2), on_progress=log.append, on_result=log.append)
    kinds = [(item.done, item.total) if isinstance(item, Progress) else item for item in log]
    assert kinds == [(1, 4), (2, 4), results[0], (3, 4), (4, 4), results[1]]
    assert [result.model for result in results] == ["nearest", "bicubic"]
    assert results[0].psnr_y == pytest.approx(np.mean([image.psnr_y for image in results[0].per_image]))
    assert results[0].psnr_y != results[1].psnr_y


def test_json_has_the_agreed_names(folder: Path) -> None:
    document = json.loads(
        json.dumps(to_json(evaluate({"bicubic": None}, open_dataset(folder, 2))), allow_nan=False)
    )
    assert set(document) == {"results", "protocol"}
    (row,) = document["results"]
    assert list(row) == ["model", "dataset", "scale", "images", "psnr_y", "ssim_y", "per_image"]
    assert (row["model"], row["dataset"], row["scale"], row["images"]) == ("bicubic", "set", 2, 2)
    assert list(row["per_image"][0]) == ["name", "psnr_y", "ssim_y", "seconds"]
    assert all(isinstance(value, str) for value in document["protocol"].values())


def test_json_stays_valid_for_a_perfect_score() -> None:
    perfect = Result("m", "d", 2, 0, float("inf"), 1.0, ())
    assert to_json([perfect])["results"][0]["psnr_y"] is None


def test_csv_has_a_line_per_image_and_the_mean(folder: Path) -> None:
    (result,) = evaluate({"bicubic": None}, open_dataset(folder, 2))
    rows = list(csv.DictReader(io.StringIO(to_csv([result]))))
    assert [row["image"] for row in rows] == ["a", "b", "mean"]
    assert float(rows[2]["psnr_y"]) == pytest.approx(result.psnr_y, abs=1e-4)


def test_outputs_are_saved_by_model_and_set(folder: Path, tmp_path: Path) -> None:
    models = {"some/where/net.safetensors": nearest(2), "a/x.pt": None, "b/x.pt": None}
    evaluate(models, open_dataset(folder, 2), save_dir=tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"net.safetensors", "a_x.pt", "b_x.pt"}
    saved = read_image(tmp_path / "out" / "net.safetensors" / "set" / "b.png")
    assert np.array_equal(saved, open_dataset(folder, 2).load(1).lr.repeat(2, axis=0).repeat(2, axis=1))


def test_scale_mismatch_is_refused_before_any_work(folder: Path) -> None:
    log: list[Progress] = []
    with pytest.raises(ConfigError, match="net is an x4 network, but x2"):
        evaluate({"bicubic": None, "net": nearest(4)}, open_dataset(folder, 2), on_progress=log.append)
    assert not log


def test_cancel_stops(folder: Path) -> None:
    token = CancelToken()
    log: list[Progress] = []

    def stop(progress: Progress) -> None:
        log.append(progress)
        token.cancel()

    with pytest.raises(Cancelled):
        evaluate({"bicubic": None}, open_dataset(folder, 2), on_progress=stop, cancel=token)
    assert len(log) == 1
