"""Evaluations: events, results, JSON, CSV and saved outputs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fakd_core.data import resize
from fakd_core.data.datasets import SRDataset, open_dataset
from fakd_core.data.image_files import read_image, write_image
from fakd_core.data.resize import imresize_bicubic
from fakd_core.errors import CheckpointError, ConfigError, DataError
from fakd_core.evaluation import scoring
from fakd_core.evaluation.evaluate import collect_results, evaluate
from fakd_core.evaluation.events import (
    CellEvaluated,
    EvaluationEvent,
    EvaluationFailed,
    EvaluationPlanned,
    ImageStarted,
    ModelLoaded,
)
from fakd_core.evaluation.results import Cell, EvalSet, Result, to_csv, to_json
from fakd_core.evaluation.scoring import WARM_UP_SIZE
from fakd_core.events import Cancelled, CancelToken
from fakd_core.models.cost import PAPER_LR_SIZE
from fakd_core.models.layers import SRNetwork
from fakd_core.models.spec import ModelSpec

Shared = Callable[[str], Path]


class Nearest(SRNetwork):
    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(spec)
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, lr: Tensor) -> Tensor:
        return nn.functional.interpolate(lr, scale_factor=self.spec.scale)


def nearest(scale: int) -> Nearest:
    return Nearest(ModelSpec(architecture="nearest", scale=scale, n_feats=1))


def results_on(dataset: SRDataset, models: Mapping[str, SRNetwork | None], **options: Any) -> list[Result]:
    return collect_results(evaluate(models, [dataset], **options))


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
    (result,) = results_on(open_dataset(shared(f"data/benchmark/{name}"), scale), {"bicubic": None})
    assert result.psnr_y == pytest.approx(psnr, abs=5.1e-4)
    assert result.ssim_y == pytest.approx(ssim, abs=5.1e-5)
    assert result.images == len(result.per_image)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        write_image(tmp_path / "set" / f"{name}.png", rng.integers(0, 256, (48, 40, 3), dtype=np.uint8))
    return tmp_path / "set"


def test_results_come_as_they_are_done_and_progress_counts_images(folder: Path) -> None:
    models = {"nearest": nearest(2), "bicubic": None}
    events = list(evaluate(models, [open_dataset(folder, 2)]))
    eval_set = EvalSet(str(folder), 2)
    cells = [Cell(ref, eval_set) for ref in models]
    assert events[:2] == [ModelLoaded("nearest", 1, 0), ModelLoaded("bicubic", None, None)]
    assert events[2] == EvaluationPlanned(tuple(cells), {eval_set: "set"})
    results = collect_results(iter(events))
    kinds = [(event.done, event.total) if isinstance(event, ImageStarted) else event for event in events[3:]]
    first, second = (CellEvaluated(*pair) for pair in zip(cells, results, strict=True))
    assert kinds == [(0, 4), (1, 4), first, (2, 4), (3, 4), second]
    assert [result.model for result in results] == ["nearest", "bicubic"]
    assert results[0].psnr_y == pytest.approx(np.mean([image.psnr_y for image in results[0].per_image]))
    assert results[0].psnr_y != results[1].psnr_y


def test_json_has_the_documented_names(folder: Path) -> None:
    document = json.loads(
        json.dumps(to_json(results_on(open_dataset(folder, 2), {"bicubic": None})), allow_nan=False)
    )
    assert set(document) == {"results", "protocol"}
    (row,) = document["results"]
    assert list(row) == ["model", "dataset", "scale", "images", "psnr_y", "ssim_y", "per_image", "lr"]
    assert (row["model"], row["dataset"], row["scale"], row["images"]) == ("bicubic", "set", 2, 2)
    assert list(row["per_image"][0]) == ["name", "psnr_y", "ssim_y", "seconds"]
    assert all(isinstance(value, str) for value in document["protocol"].values())


def test_json_stays_valid_for_a_perfect_score() -> None:
    perfect = Result("m", "d", 2, 0, float("inf"), 1.0, ())
    assert to_json([perfect])["results"][0]["psnr_y"] is None


def test_csv_has_a_line_per_image_and_the_mean(folder: Path) -> None:
    (result,) = results_on(open_dataset(folder, 2), {"bicubic": None})
    rows = list(csv.DictReader(io.StringIO(to_csv([result]))))
    assert [row["image"] for row in rows] == ["a", "b", "mean"]
    assert float(rows[2]["psnr_y"]) == pytest.approx(result.psnr_y, abs=1e-4)


def test_outputs_are_saved_by_model_and_set(folder: Path, tmp_path: Path) -> None:
    models = {"some/where/net.safetensors": nearest(2), "a/x.pt": None, "b/x.pt": None}
    results_on(open_dataset(folder, 2), models, save_dir=tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"net.safetensors", "a_x.pt", "b_x.pt"}
    saved = read_image(tmp_path / "out" / "net.safetensors" / "set" / "b.png")
    assert np.array_equal(saved, open_dataset(folder, 2).load(1).lr.repeat(2, axis=0).repeat(2, axis=1))


def test_scale_mismatch_is_refused_before_any_work(folder: Path) -> None:
    events = evaluate({"bicubic": None, "net": nearest(4)}, [open_dataset(folder, 2)])
    assert isinstance(next(events), ModelLoaded)
    assert isinstance(next(events), ModelLoaded)
    with pytest.raises(ConfigError, match="net is an x4 network, but x2"):
        next(events)


def test_a_broken_image_is_left_out_and_reported(folder: Path) -> None:
    (folder / "aa.png").write_bytes(b"not an image")
    tiny = folder / "tiny.png"
    write_image(tiny, np.zeros((12, 12, 3), dtype=np.uint8))
    models = {"net": nearest(2), "bicubic": None}
    events = list(evaluate(models, [open_dataset(folder, 2)]))
    results = collect_results(iter(events))
    whole = [image for image in folder.iterdir() if image.stem in "ab"]
    for image in (folder / "aa.png", tiny):
        image.unlink()
    assert len(whole) == 2
    again = results_on(open_dataset(folder, 2), models)
    for result, alone in zip(results, again, strict=True):
        assert (result.psnr_y, result.ssim_y, result.images) == (alone.psnr_y, alone.ssim_y, 2)
        assert [lost.file for lost in result.left_out] == [str(folder / "aa.png"), str(tiny)]
        assert result.left_out[0].reason.startswith("expected an image, found no image format")
        assert "at least 11x11 must be left" in result.left_out[1].reason
        assert result.coverage == "2 of 4"
        assert alone.coverage == "2"
    assert [event.done for event in events if isinstance(event, ImageStarted)] == list(range(8))
    rows = list(csv.DictReader(io.StringIO(to_csv(results[:1]))))
    assert [row["image"] for row in rows] == ["a", "b", str(folder / "aa.png"), str(tiny), "mean"]
    assert rows[2]["left_out"] == results[0].left_out[0].reason
    assert (rows[4]["images"], rows[4]["images_in_set"]) == ("2", "4")


def test_an_lr_image_of_another_size_is_left_out_by_name(folder: Path) -> None:
    (folder / "HR").mkdir()
    lr = folder / "LR_bicubic" / "X2"
    for name, size in (("a", (24, 20, 3)), ("b", (25, 20, 3))):
        (folder / f"{name}.png").rename(folder / "HR" / f"{name}.png")
        write_image(lr / f"{name}x2.png", np.zeros(size, dtype=np.uint8))
    (result,) = results_on(open_dataset(folder, 2), {"bicubic": None})
    (lost,) = result.left_out
    assert lost.file == str(lr / "bx2.png")
    assert lost.reason.startswith("expected 20x24")


def test_a_set_of_broken_images_is_an_error(folder: Path) -> None:
    for image in folder.iterdir():
        image.write_bytes(b"")
    with pytest.raises(DataError, match=r"a\.png: .*empty file.*nor can any other"):
        results_on(open_dataset(folder, 2), {"bicubic": None})


def test_a_model_without_finite_output_is_reported_and_the_others_go_on(folder: Path, tmp_path: Path) -> None:
    broken = nearest(2)
    broken.forward = lambda lr: Nearest.forward(broken, lr) / 0  # type: ignore[method-assign]
    models = {"broken": broken, "bicubic": None}
    events = list(evaluate(models, [open_dataset(folder, 2)], save_dir=tmp_path / "out"))
    assert [event.result.model for event in events if isinstance(event, CellEvaluated)] == ["bicubic"]
    (failed,) = (event for event in events if isinstance(event, EvaluationFailed))
    assert (failed.failure.model, failed.failure.dataset, failed.failure.scale) == ("broken", "set", 2)
    assert failed.failure.reason.startswith("broken: expected an image, found infinite or NaN pixels")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["bicubic"]
    with pytest.raises(CheckpointError, match="NaN pixels"):
        results_on(open_dataset(folder, 2), models)
    assert not broken._forward_hooks


def test_images_of_the_set_are_never_overwritten(folder: Path) -> None:
    inside = folder.parent / "bicubic" / "set"
    inside.parent.mkdir()
    folder.rename(inside)
    before = (inside / "a.png").read_bytes()
    with pytest.raises(ConfigError, match=r"a\.png: an image of the set"):
        results_on(open_dataset(inside, 2), {"bicubic": None}, save_dir=folder.parent)
    assert (inside / "a.png").read_bytes() == before


def test_bicubic_in_strips_equals_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    img = np.random.default_rng(0).integers(0, 256, (41, 9, 3), dtype=np.uint8)
    whole = imresize_bicubic(img, 3)
    for rows in (1, 3, 40, 41):
        monkeypatch.setattr(resize, "_ROWS_AT_ONCE", rows)
        assert np.array_equal(np.concatenate(list(resize.bicubic_strips(img, 3))), whole)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        next(resize.bicubic_strips(img, 3, token))


def test_cancel_stops(folder: Path) -> None:
    token = CancelToken()
    events = evaluate({"bicubic": None}, [open_dataset(folder, 2)], cancel=token)
    log: list[EvaluationEvent] = []

    def follow() -> None:
        for event in events:
            log.append(event)
            if isinstance(event, ImageStarted):
                token.cancel()

    with pytest.raises(Cancelled):
        follow()
    assert [type(event) for event in log] == [ModelLoaded, EvaluationPlanned, ImageStarted]


def test_no_image_is_charged_for_the_warm_up(folder: Path) -> None:
    """It would be most of a small image's time."""
    sides: list[int] = []

    class Noting(Nearest):
        def forward(self, lr: Tensor) -> Tensor:
            sides.append(lr.shape[-1])
            return super().forward(lr)

    model = Noting(ModelSpec(architecture="nearest", scale=2, n_feats=1))
    results_on(open_dataset(folder, 2), {"noting": model})
    # A pass counts the operations, another one warms up.
    assert sides[:2] == [PAPER_LR_SIZE[1], WARM_UP_SIZE[1]]
    assert sides[-1] != WARM_UP_SIZE[1]


@pytest.mark.parametrize(
    ("clock", "seconds"),
    [([0, 0.2, 1, 1.05], 0.05), ([0, 0.2, 1, 1.21], 0.2), ([0, 0.3], 0.3)],
    ids=["quick", "interrupted", "long"],
)
def test_the_shorter_of_two_quick_passes_counts(
    folder: Path, monkeypatch: pytest.MonkeyPatch, clock: list[float], seconds: float
) -> None:
    """The first pass at a size pays one-off set-up costs."""
    (folder / "b.png").unlink()
    readings = iter(clock)
    monkeypatch.setattr(scoring, "time", SimpleNamespace(perf_counter=lambda: next(readings)))
    (result,) = results_on(open_dataset(folder, 2), {"bicubic": None}, timing=True)
    assert result.per_image[0].seconds == pytest.approx(seconds)
    assert list(readings) == []


def test_an_image_is_upscaled_once_unless_times_are_asked_for(folder: Path) -> None:
    passes = []

    class Noting(Nearest):
        def forward(self, lr: Tensor) -> Tensor:
            if lr.device.type != "meta" and lr.shape[2:] != PAPER_LR_SIZE:  # Those count.
                passes.append(lr.shape)
            return super().forward(lr)

    model = Noting(ModelSpec(architecture="nearest", scale=2, n_feats=1))
    warm_up = 1
    for timing, expected in ((False, 2 + warm_up), (True, 4 + warm_up)):
        passes.clear()
        results_on(open_dataset(folder, 2), {"noting": model}, timing=timing)
        assert len(passes) == expected


def test_outputs_that_exist_are_refused_before_the_work(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out/bicubic" / folder.name).mkdir(parents=True)
    existing = tmp_path / "out/bicubic" / folder.name / "b.png"
    existing.write_text("mine")
    dataset = open_dataset(folder, 2)
    with pytest.raises(ConfigError, match=r"b\.png already exists; choose .* --force"):
        results_on(dataset, {"bicubic": None}, save_dir=tmp_path / "out", replace=False)
    assert existing.read_text() == "mine"
    assert list(existing.parent.iterdir()) == [existing]
    results_on(dataset, {"bicubic": None}, save_dir=tmp_path / "out")
    read_image(existing)


def test_names_are_loaded_folders_are_opened_and_failures_are_isolated(
    folder: Path, small_teacher: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    models = ["bicubic", str(small_teacher), str(tmp_path / "nowhere.pth")]
    events = list(evaluate(models, [tmp_path / "empty", folder]))
    reasons = [event.failure.reason for event in events if isinstance(event, EvaluationFailed)]
    assert reasons[0].endswith("nowhere.pth: no such file")
    assert [reason.split(": ")[1][:15] for reason in reasons[1:]] == ["no images found"] * 2
    results = [event.result for event in events if isinstance(event, CellEvaluated)]
    assert [(result.model, result.scale) for result in results] == [("bicubic", 4), (str(small_teacher), 4)]


def test_known_results_are_not_computed_again(folder: Path, small_teacher: Path, tmp_path: Path) -> None:
    known: dict[tuple[object, ...], Result] = {}
    models = ["bicubic", str(small_teacher)]
    first = collect_results(evaluate(models, [folder], known=known))
    again = list(evaluate(models, [folder], known=known))
    assert not [event for event in again if isinstance(event, ImageStarted)]
    assert [old is new for old, new in zip(first, collect_results(iter(again)), strict=True)] == [True, True]
    # By another name the file is the same model.
    link = tmp_path / "link.safetensors"
    link.symlink_to(small_teacher)
    (other,) = collect_results(evaluate([str(link)], [folder], known=known))
    assert (other.model, other.per_image) == (str(link), first[1].per_image)
    # One more image is another set.
    write_image(folder / "c.png", np.zeros((48, 40, 3), dtype=np.uint8))
    (changed,) = collect_results(evaluate(["bicubic"], [folder], known=known))
    assert changed.images == 3


def test_an_unexpected_error_is_reported_with_its_traceback(folder: Path) -> None:
    broken = nearest(2)

    def fail(lr: Tensor) -> Tensor:
        raise RuntimeError("sizes of tensors must match")

    broken.forward = fail  # type: ignore[method-assign]
    events = list(evaluate({"broken": broken, "bicubic": None}, [open_dataset(folder, 2)]))
    (failed,) = (event for event in events if isinstance(event, EvaluationFailed))
    assert failed.failure.reason == "Unexpected RuntimeError: sizes of tensors must match"
    assert "in fail" in failed.failure.details
    assert isinstance(events[-1], CellEvaluated)
