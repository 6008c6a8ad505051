"""Export of curves as tables and images."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot
from run_plots import make_series, overlay, show

from fakd_gui.session.session import Session
from fakd_gui.train.commands import TrainCommands
from fakd_gui.train.plot_export import PlotExport
from fakd_gui.train.plots import RunPlots
from fakd_gui.train.state import TrainState


@pytest.fixture
def export(qtbot: QtBot, plots: RunPlots, session: Session) -> PlotExport:
    made = PlotExport(session, plots, TrainCommands(session, TrainState(session, plots), plots))
    show(plots, make_series(), "run-1")
    overlay(plots, **{"run-2": make_series(steps=6)})
    return made


def test_the_table_has_every_point_of_the_shown_curves(
    qtbot: QtBot, plots: RunPlots, export: PlotExport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "curves.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path.with_suffix("")), ""))
    plots.loss.readout.linkActivated.emit("TS")
    export.ask("csv")
    qtbot.waitUntil(path.exists)
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["run"], row["step"]) for row in rows[19:21]] == [("run-1", "20"), ("run-2", "1")]
    assert len(rows) == 26
    assert float(rows[3]["Loss: DS"]) == 0.25
    assert "Loss: TS" not in rows[0]
    psnr = [row["Validation PSNR (dB): student"] for row in rows]
    assert psnr[8:10] == ["", "29.0"]
    asked: list[str] = []
    monkeypatch.setattr(QMessageBox, "question", lambda *words: asked.append(words[2]))
    export.ask("csv")
    assert "curves.csv already exists" in asked[0]


def test_the_table_leaves_out_hidden_plots(
    qtbot: QtBot, plots: RunPlots, export: PlotExport, tmp_path: Path
) -> None:
    plots.tools.plot_actions[plots.ssim.name].trigger()
    export.write(tmp_path / "curves.csv", "csv")
    qtbot.waitUntil((tmp_path / "curves.csv").exists)
    heading = (tmp_path / "curves.csv").read_text().splitlines()[0]
    assert "Validation PSNR (dB): student" in heading
    assert "SSIM" not in heading


def test_plots_are_exported_as_images(export: PlotExport, plots: RunPlots, tmp_path: Path) -> None:
    export.write(tmp_path / "a.png", "png")
    image = QImage(str(tmp_path / "a.png"))
    assert image.size() == plots.figure.size() * 2
    export.write(tmp_path / "a.svg", "svg")
    drawing = (tmp_path / "a.svg").read_text()
    assert "Validation PSNR" in drawing
    assert drawing.count("<polyline") + drawing.count("<path") > 20
    assert "<image" not in drawing


def test_a_path_that_cannot_be_written_is_an_error(
    qtbot: QtBot, export: PlotExport, session: Session, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for kind in ("csv", "png", "svg"):
        with qtbot.waitSignal(session.error) as failed:
            export.write(tmp_path / "file" / f"x.{kind}", kind)
        assert "can't be written" in failed.args[0].text
