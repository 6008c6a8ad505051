"""The networks that a run has saved, in their order and with their names."""

from __future__ import annotations

from pathlib import Path

from fakd_core.runs.layout import BASELINE, STUDENT, RunLayout, average_of
from fakd_core.runs.networks import saved_networks
from fakd_core.runs.references import model_label


def test_the_baseline_comes_first_and_snapshots_last(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path / "run")
    files = [
        layout.best_weights(),
        layout.weights(),
        layout.best_weights(BASELINE),
        layout.weights(average_of(STUDENT)),
        layout.snapshot(1000),
        layout.snapshot(2000),
        layout.snapshot(1000, BASELINE),
    ]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    found = {network.label: network.file for network in saved_networks(layout.folder)}
    assert found == {
        "baseline, best": files[2],
        "student, last": files[1],
        "average, last": files[3],
        "step 2,000": files[5],
        "step 1,000": files[4],
        "baseline, step 1,000": files[6],
    }
    labels = [model_label(str(file)) for file in files]
    assert labels == [
        "run",
        "run",
        "run · baseline",
        "run · average",
        "run · step 1,000",
        "run · step 2,000",
        "run · baseline, step 1,000",
    ]


def test_a_folder_that_is_gone_has_none(tmp_path: Path) -> None:
    assert saved_networks(tmp_path / "gone") == []
