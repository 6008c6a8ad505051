"""Sizes that a weight file doesn't show are marked as guesses wherever the window shows them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from benchmark_bench import run as measure
from compare_bench import comparing
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from small_models import save_photo

from fakd_core import create_model
from fakd_gui.benchmark.panel import BenchmarkPanel
from fakd_gui.compare.captions import result_caption
from fakd_gui.models.doctor import ModelDoctor
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.session import Session
from fakd_gui.train.panel import TrainPanel

GUESS = "res_scale is a guess"


@pytest.fixture
def edsr(tmp_path: Path) -> Path:
    """A file of another tool, which doesn't tell how its residuals are scaled."""
    path = tmp_path / "edsr.pth"
    torch.save(create_model("edsr", n_feats=8, n_resblocks=2, res_scale=0.1).state_dict(), path)
    return path


def test_train_marks_it(qtbot: QtBot, session: Session, edsr: Path) -> None:
    panel = TrainPanel(session)
    qtbot.addWidget(panel, before_close_func=stop_all)
    panel.state.fill({"teacher": (str(edsr),), "init_from_teacher": False})
    qtbot.waitUntil(lambda: not panel.state.is_checking)
    assert GUESS in panel.form.teacher_card.text.text()
    assert GUESS in panel.form.teacher_card.accessibleName()


def test_the_diagnosis_marks_it(qtbot: QtBot, session: Session, edsr: Path) -> None:
    doctor = ModelDoctor(session, None)
    qtbot.addWidget(doctor, before_close_func=stop_all)
    doctor.check(edsr)
    qtbot.waitUntil(doctor.copy_button.isEnabled)
    rows = dict(doctor._rows())
    assert rows["Res scale"].endswith("(guess)")


def test_compare_marks_it(qtbot: QtBot, tmp_path: Path, edsr: Path) -> None:
    with comparing(tmp_path, qtbot) as (bench, panel):
        bench.session.add_student(str(edsr))
        bench.session.open_image(save_photo(tmp_path, "other", 32, 32))
        qtbot.waitUntil(lambda: str(edsr) in panel.state.results)
        caption = result_caption(panel.state, str(edsr))
        assert caption.costs.endswith("see tooltip")
        assert GUESS in caption.tip


def test_benchmark_marks_it(qtbot: QtBot, session: Session, tmp_path: Path, edsr: Path) -> None:
    panel = BenchmarkPanel(session)
    qtbot.addWidget(panel, before_close_func=stop_all)
    (tmp_path / "set").mkdir()
    save_photo(tmp_path / "set", height=32, width=32)
    session.library.hide_all("Benchmark")
    for folder in panel.state.checked_folders:
        panel.state.set_checked(str(folder), False)
    panel.state.add_folder(tmp_path / "set")
    panel.state.add_model(str(edsr))
    panel.show()
    measure(panel, qtbot)
    tip = panel.table.table_model.headerData(0, Qt.Orientation.Vertical, Qt.ItemDataRole.ToolTipRole)
    assert GUESS in str(tip)
