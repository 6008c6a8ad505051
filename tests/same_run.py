"""Compares two runs: every value, image and line except the seconds of the steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from fakd_core.runs.checkpoints import load_state
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.metrics_files import read_metrics


def assert_same_run(run: Path, whole: Path) -> None:
    """`run`, which was interrupted, holds what `whole` holds, to the last bit."""
    assert_same_metrics(timeless(run), timeless(whole))
    states = [load_state(RunLayout(folder).states) for folder in (run, whole)]
    assert [damaged for _, damaged in states] == [[], []]
    mine, theirs = (dict(state or {}) for state, _ in states)
    del mine["seconds"], theirs["seconds"]
    assert difference(mine, theirs) == "", "weights, optimiser, loss scaling, average or best scores"
    files = [{path.relative_to(folder): content(path) for path in kept(folder)} for folder in (run, whole)]
    assert difference(*files) == "", "weights or pictures kept on the way"


def assert_same_metrics(mine: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> None:
    """Learning rates included."""
    unlike = [pair for pair in zip(mine, theirs, strict=False) if pair[0] != pair[1]]
    assert not unlike, f"{len(unlike)} lines of metrics, from {unlike[0]}"
    assert len(mine) == len(theirs)


def content(path: Path) -> bytes | dict[str, torch.Tensor]:
    """Tensors by name: the order of the entries in a weight file's header is arbitrary."""
    return load_file(path) if path.suffix == ".safetensors" else path.read_bytes()


def timeless(run: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k != "seconds"} for line in read_metrics(run)]


def kept(run: Path) -> list[Path]:
    """Weights and images of a run: the newest, the best, and the snapshots."""
    return [path for pattern in ("*.safetensors", "*.png") for path in run.rglob(pattern)]


def difference(mine: Any, theirs: Any, where: str = "/") -> str:
    """The path of the first difference of two nested states; empty if there is none."""
    if type(mine) is not type(theirs):
        return where
    if isinstance(mine, torch.Tensor):
        return "" if mine.dtype == theirs.dtype and torch.equal(mine, theirs) else where
    if isinstance(mine, (list, tuple)):
        mine, theirs = dict(enumerate(mine)), dict(enumerate(theirs))
    if not isinstance(mine, dict):
        return "" if mine == theirs else where
    if mine.keys() != theirs.keys():
        return where
    found = (difference(mine[key], theirs[key], f"{where}{key}/") for key in mine)
    return next(filter(None, found), "")
