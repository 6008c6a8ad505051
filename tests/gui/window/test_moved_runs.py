"""Whatever holds a run follows when it is renamed, moved to the trash or restored."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from library_panels import scan
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot
from run_folders import make_run
from small_models import save_model, save_photo

from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation.report import Report, Row
from fakd_core.evaluation.results import Cell, EvalSet, Result
from fakd_gui.compare.panes import Split
from fakd_gui.figure.dialog import FigureDialog, open_affinity_figure
from fakd_gui.session.run_folders import follow_run
from fakd_gui.window.main_window import MainWindow


@pytest.fixture
def run(qtbot: QtBot, window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with a student, its baseline and snapshots, found by the window."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    made = make_run(window.session.runs_root, "first")
    student = Path(save_model(tmp_path, "student", 1))
    (made / "checkpoints").mkdir(exist_ok=True)
    (made / "snapshots").mkdir(exist_ok=True)
    for name in ("checkpoints/best", "baseline", "snapshots/0000002", "snapshots/0000004"):
        shutil.copy(student, made / f"{name}.safetensors")
    scan(qtbot, window.library)
    return made


@pytest.mark.parametrize(
    ("ref", "followed"),
    [
        ("{run}", "{to}"),
        ("{run}@res_scale=0.1", "{to}@res_scale=0.1"),
        ("{run}/baseline.safetensors", "{to}/baseline.safetensors"),
        ("runs/first", "{to}"),
        ("{run}-2", "{run}-2"),
        ("first", "first"),
        ("bicubic", "bicubic"),
        ("", ""),
    ],
)
def test_references_to_a_run_and_its_files_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ref: str, followed: str
) -> None:
    monkeypatch.chdir(tmp_path)
    run, to = tmp_path / "runs" / "first", tmp_path / "runs" / "second"
    ref, followed = ref.format(run=run), followed.format(run=run, to=to)
    assert follow_run(ref, run, to) == followed
    assert follow_run(ref, run, None) == (None if ref != followed else ref)


def test_everything_follows_a_renamed_run(
    qtbot: QtBot, window: MainWindow, run: Path, tmp_path: Path, small_teacher: Path
) -> None:
    session, to, baseline = window.session, run.with_name("second"), f"{run}/baseline.safetensors"
    other = save_model(tmp_path, "other", 2)
    with qtbot.waitSignal(session.image_changed):
        session.open_image(save_photo(tmp_path))
    for student in (other, baseline, str(run)):
        session.add_student(student)
    session.set_teacher(str(run))
    compare, inspect, benchmark = window.compare.state, window.inspect.state, window.benchmark.state
    compare.move_pane(str(run), 0)
    compare.show_split(Split(str(run), other))
    compare.close_pane(baseline)
    session.library.hide([other], ["Inspect"])
    inspect.timeline.set_run(run, 2)
    session.compare_runs([run])
    benchmark.add_model(f"{run}/snapshots/0000004.safetensors")
    session.library.hide([str(run)], ["Benchmark"])
    eval_set = EvalSet("set", 4)
    report = Report([Row(BICUBIC, "Bicubic"), Row(str(run), "first")], str(run), str(run))
    benchmark.show_report(report)
    report.results[Cell(str(run), eval_set)] = Result(str(run), "set", 4, 1, 30.0, 0.9)
    window.train.state.fill({"teacher": (str(run), other), "student": baseline})
    window.open_paths([run])
    qtbot.waitUntil(lambda: window.train.state.shown.run == run)
    open_affinity_figure(
        window, session, session.image, teacher=str(run), students=[other], layer=3, query=(1, 1)
    )
    dialog = window.findChild(FigureDialog)

    assert window.library.actions.rename_run(run, "second")

    moved = f"{to}/baseline.safetensors"
    assert session.runs == session.compared == [to]
    library = session.library
    assert (session.teacher, library.chosen["Compare"]) == (str(to), [BICUBIC, other, str(to)])
    assert library.chosen["Inspect"] == [moved, str(to)]
    assert (compare.keys[0], compare.split.a) == (str(to), str(to))
    assert (inspect.timeline.run, inspect.timeline.step) == (to, 2)
    assert library.students("Benchmark") == [other, moved, f"{to}/snapshots/0000004.safetensors"]
    assert list(report.rows) == [BICUBIC, str(to)]
    assert (report.teacher, report.baseline) == (str(to), str(to))
    assert [(cell.ref, result.model) for cell, result in report.results.items()] == [(str(to), str(to))]
    state = window.train.state
    assert (state.values["teacher"], state.values["student"]) == ((str(to), other), moved)
    assert (state.shown.run, state.shown.name) == (to, "second")
    assert window.recent_files.files[0] == (str(to), "Train")
    assert dialog.form.spec().teacher.ref == str(to)
    dialog.close()
    qtbot.waitUntil(lambda: state.overlays == [] or state.overlays[0][0] == to)


def test_a_deleted_run_leaves_nothing_and_undo_restores_it(
    qtbot: QtBot, window: MainWindow, run: Path, small_teacher: Path
) -> None:
    session, baseline = window.session, f"{run}/baseline.safetensors"
    session.set_teacher(str(run))
    for student in (baseline, str(run)):
        session.add_student(student)
    window.inspect.state.timeline.set_run(run)
    window.benchmark.state.add_model(f"{run}/snapshots/0000004.safetensors")
    window.train.state.fill({"teacher": (str(run),)})
    qtbot.waitUntil(lambda: not window.train.state.is_checking)
    assert window.library.actions.trash(run)
    assert (session.teacher, session.library.students("Compare"), session.runs) == ("", [], [])
    assert session.library.files == []
    assert window.inspect.state.timeline.run is None
    assert list(window.benchmark.state.models) == [BICUBIC]
    qtbot.waitUntil(lambda: "teacher" in window.train.state.problems)
    window.undo_bar.undo()
    assert (session.teacher, session.runs) == (str(run), [run])
    # The teacher is shown as such.
    assert session.library.chosen["Inspect"] == [baseline]


def test_undo_restores_students_under_their_present_names(
    window: MainWindow, run: Path, tmp_path: Path
) -> None:
    session, other = window.session, save_model(tmp_path, "other", 2)
    for student in (str(run), other):
        session.add_student(student)
    session.library.remove([other])
    assert session.library.files == []
    assert window.library.actions.rename_run(run, "second")
    to = run.with_name("second")
    make_run(session.runs_root, "first")
    window.undo_bar.undo()
    assert session.library.students("Compare") == [str(to), other]
    # Another run may take the former name.
    session.add_run(run)
    session.add_student(str(run))
    assert session.library.students("Compare") == [str(to), other, str(run)]


def test_the_offer_to_resume_follows_its_run(
    qtbot: QtBot, window: MainWindow, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bar, resumed = window.undo_bar, []
    monkeypatch.setattr(window.resume_offer, "_resume", resumed.append)
    window.restore(window.memory().model_copy(update={"training": str(run)}))
    window.session.offer_undo("Removed something", lambda: None)
    assert window.library.actions.rename_run(run, "second")
    assert bar.button.text() == "Resume"
    assert "second was still training" in bar.button.parent().findChild(type(window.status.job)).text()
    window.session.report("an error")
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.banner.isVisible()
    assert bar.isVisible()  # One message goes at a time.
    bar.button.click()
    assert resumed == [run.with_name("second")]
    window.resume_offer.make(run.with_name("second"))
    assert window.library.actions.trash(run.with_name("second"))
    assert bar.button.text() == "Undo"
