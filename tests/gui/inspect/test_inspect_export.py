"""Exports of Inspect: upright pictures, the core's values, and the arguments of a figure."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from inspect_panels import expected_row, shown_panel
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot
from small_models import Bench, save_model

from fakd_core.data.image_files import read_image
from fakd_gui.inspect.panel import InspectPanel
from fakd_gui.inspect.state import difference_key
from fakd_gui.session.jobs import LatestWins
from fakd_gui.widgets.convert import colourise
from fakd_gui.widgets.theme import affinity_lut, difference_lut


@pytest.fixture
def panel(bench: Bench, qtbot: QtBot) -> Iterator[InspectPanel]:
    for panel in shown_panel(bench, qtbot):
        with qtbot.waitSignal(panel.map_shown):
            panel.state.set_query(12, 3)
        yield panel


def choose(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Answer the next file dialogs with `path`."""
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(path))


def run_action(panel: InspectPanel, text: str, qtbot: QtBot) -> str:
    """Trigger an entry of the Export menu; return the status message that follows."""
    action = next(action for action in panel.export_menu.actions() if text in action.text())
    with qtbot.waitSignal(panel.session.status_message) as message:
        action.trigger()
    return str(message.args[0])


def expected(bench: Bench) -> dict[str, np.ndarray]:
    image = bench.session.image
    assert image is not None
    teacher = expected_row(bench.teacher, image.lr, 3, 12, 3)
    student = expected_row(bench.students[0], image.lr, 3, 12, 3)
    return {"teacher (teacher)": teacher, "with": student, "Δ with": student - teacher}


def test_every_map_is_written_to_its_own_file_upright_and_in_full_size(
    bench: Bench, panel: InspectPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    choose(monkeypatch, tmp_path / "maps")
    (tmp_path / "maps").mkdir()
    assert run_action(panel, "Every map", qtbot) == "Wrote 3 maps to maps"
    names = {"teacher (teacher)": "teacher-teacher", "with": "with", "Δ with": "difference-with"}
    for label, row in expected(bench).items():
        written = read_image(tmp_path / f"maps/photo.png-layer3-y12-x3-{names[label]}.png")
        assert written.shape == (64, 96, 3)
        difference = label.startswith("Δ")
        lut, low, high = (difference_lut(), -0.5, 0.5) if difference else (affinity_lut(), 0, 1)
        colours = colourise(row, lut, low, high)[:, :, :3].astype(int)
        # float32 rounding may shift a colour by one entry of the table.
        assert np.abs(written[1::4, 2::4].astype(int) - colours).max() <= 6


def test_matrices_are_also_written_as_pictures(
    bench: Bench, panel: InspectPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with qtbot.waitSignal(panel.area.matrix.shown):
        QTest.keyClick(panel, Qt.Key.Key_M)
    choose(monkeypatch, tmp_path)
    assert run_action(panel, "Every map", qtbot).startswith("Wrote 6 maps")
    matrices = panel.area.matrix.matrices
    region = matrices.region
    written = read_image(
        tmp_path / f"photo.png-layer3-matrix-y{region.top}-x{region.left}-difference-with.png"
    )
    assert written.shape == (1024, 1024, 3)
    colours = colourise(matrices.values[difference_key(bench.students[0])], difference_lut(), -0.5, 0.5)
    np.testing.assert_array_equal(written[2::4, 1::4], colours[:, :, :3])


def test_values_are_written_as_csv_and_numpy(
    bench: Bench, panel: InspectPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    choose(monkeypatch, tmp_path / "values.csv")
    assert run_action(panel, "Values", qtbot) == "Wrote values.csv"
    with (tmp_path / "values.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    rows = expected(bench)
    assert list(lines[0]) == ["y", "x", *rows]
    assert len(lines) == 16 * 24
    line = lines[5 * 24 + 7]
    assert (line["y"], line["x"]) == ("5", "7")
    for label, row in rows.items():
        assert float(line[label]) == pytest.approx(row[5, 7], abs=1e-5)
    choose(monkeypatch, tmp_path / "values.npz")
    with qtbot.waitSignal(panel.area.matrix.shown):
        QTest.keyClick(panel, Qt.Key.Key_M)
    assert run_action(panel, "Values", qtbot) == "Wrote values.npz"
    with np.load(tmp_path / "values.npz") as arrays:
        assert (arrays["query"].tolist(), int(arrays["layer"])) == ([12, 3], 3)
        for label, row in rows.items():
            np.testing.assert_allclose(arrays[label], row, atol=1e-5)
        top, left, height, width = arrays["region"]
        index = (12 - top) * width + 3 - left
        inside = rows["with"][top : top + height, left : left + width].ravel()
        np.testing.assert_allclose(arrays["matrix with"][index], inside, atol=1e-5)


def test_the_panes_are_saved_and_copied_as_shown(
    panel: InspectPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    choose(monkeypatch, tmp_path / "panes.png")
    assert run_action(panel, "Panes as shown", qtbot) == "Wrote panes.png"
    shown = panel.area.grab()
    assert read_image(tmp_path / "panes.png").shape[:2] == (shown.height(), shown.width())
    assert shown.height() >= panel.area.board.grid.height() + panel.area.affinity_bar.height()
    with qtbot.waitSignal(panel.session.status_message):
        QTest.keyClick(panel, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().pixmap().size() == shown.size()


def test_an_unwritable_path_is_reported_in_one_line(
    bench: Bench, panel: InspectPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    choose(monkeypatch, tmp_path / "file" / "values.csv")
    with qtbot.waitSignal(panel.session.error):
        panel.exporter.save_values()
    assert "can't be written" in bench.errors[-1]
    assert "choose another place" in bench.errors[-1]


def test_the_figure_dialog_opens_with_what_is_shown(
    bench: Bench, panel: InspectPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bench.folder / "runs" / "rcan-a"
    (run / "snapshots").mkdir(parents=True)
    file = save_model(run / "snapshots", "0000100", 9)
    with qtbot.waitSignal(panel.map_shown):
        panel.state.timeline.set_run(run)
    calls: list[object] = []
    open_figure = "fakd_gui.figure.dialog.open_affinity_figure"
    monkeypatch.setattr(open_figure, lambda *given, **more: calls.append((given, more)))
    panel.export_menu.actions()[-1].trigger()
    students = [bench.students[0], file]
    expected = {"teacher": bench.teacher, "students": students, "layer": 3, "query": (12, 3)}
    assert calls == [((panel, panel.session, panel.session.image), expected)]


def test_a_file_that_the_dialog_did_not_ask_about_is_not_overwritten(
    panel: InspectPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "panes.png").write_text("mine")
    choose(monkeypatch, tmp_path / "panes")
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Cancel)
    panel.exporter.save_panes()
    qtbot.waitUntil(lambda: not any(job.running for job in panel.exporter.findChildren(LatestWins)))
    assert (tmp_path / "panes.png").read_text() == "mine"
