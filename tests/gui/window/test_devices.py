"""The device that models run on: in every workspace, by the menu, and in the status bar."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmark_bench import benchmarking, photo_bench
from benchmark_bench import run as run_benchmark
from compare_bench import comparing, open_and_wait
from inspect_panels import shown_panel
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from pytestqt.qtbot import QtBot
from second_device import NAME, Usage, second_device
from small_models import Bench, make_bench, save_model

from fakd_core.inference.upscale import upscale
from fakd_core.runs import references
from fakd_core.runs.references import load_model
from fakd_gui.figure.dialog import FigureDialog, open_crop_figure
from fakd_gui.session.model_cache import ModelCache
from fakd_gui.window.main_window import MainWindow


@pytest.fixture
def usage() -> Iterator[Usage]:
    with second_device() as counted:
        yield counted


def test_every_model_of_compare_runs_on_the_chosen_device(
    usage: Usage, qapp: QApplication, tmp_path: Path, qtbot: QtBot
) -> None:
    with comparing(tmp_path, qtbot) as (bench, panel):
        bench.session.models.choose_device(NAME)
        bench.choose_all()
        open_and_wait(panel, bench.photo, qtbot)
        assert usage.operations > 100
        for ref in (bench.teacher, *bench.students):
            expected = upscale(load_model(ref), panel.state.image.lr).astype(int)
            assert abs(panel.state.results[ref].pixels - expected).max() <= 1
        assert bench.errors == []


def test_what_is_being_computed_starts_again_on_another_device(
    usage: Usage, qapp: QApplication, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def load_slowly(ref: str) -> object:
        assert go_on.wait(60)
        return load_model(ref)

    monkeypatch.setattr(references, "load_model", load_slowly)
    with comparing(tmp_path, qtbot) as (bench, panel):
        bench.session.models.choose_device("cpu")
        bench.choose_all()
        bench.session.open_image(bench.photo)
        qtbot.waitUntil(lambda: bench.teacher in panel.state.result_keys and panel.runner.results.running)
        with qtbot.waitSignal(panel.finished):
            bench.session.models.choose_device(NAME)
            go_on.set()
        assert usage.operations > 100
        assert {bench.teacher, *bench.students} <= set(panel.state.results)


def test_inspect_shows_the_affinities_of_the_chosen_device(
    usage: Usage, qapp: QApplication, tmp_path: Path, qtbot: QtBot
) -> None:
    bench = make_bench(tmp_path)
    bench.session.models.choose_device(NAME)
    for panel in shown_panel(bench, qtbot):
        assert usage.operations > 50
        qtbot.waitUntil(lambda panel=panel: panel.runner.loss(bench.students[0], 2) is not None)
        assert set(panel.runner.rows()) >= {bench.teacher, bench.students[0]}
    assert bench.errors == []


def test_benchmark_scores_on_the_chosen_device(
    usage: Usage, qapp: QApplication, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKD_CONFIG", str(tmp_path / "config"))
    bench = photo_bench(tmp_path)
    bench.session.models.choose_device(NAME)
    for panel in benchmarking(bench, qtbot):
        run_benchmark(panel, qtbot)
        assert usage.operations > 100
        assert not panel.state.report.failures
        assert len(panel.state.report.results) == 4, "bicubic, teacher and two students"
    assert bench.errors == []


def test_figures_are_drawn_on_the_chosen_device(
    usage: Usage, opened: tuple[Bench, object], qtbot: QtBot
) -> None:
    bench, parent = opened[0], QWidget()
    qtbot.addWidget(parent)
    bench.session.models.choose_device(NAME)
    open_crop_figure(
        parent, bench.session, bench.session.image, models=[bench.teacher], region=(8, 8, 20, 20)
    )
    dialog = parent.findChild(FigureDialog)
    qtbot.waitUntil(lambda: dialog.pixels is not None)
    assert usage.operations > 50


def test_the_menu_changes_the_device_at_once_and_the_next_start_has_it(
    usage: Usage, window: MainWindow, qtbot: QtBot
) -> None:
    status, models = window.status, window.session.models
    status.find_device()
    qtbot.waitUntil(lambda: status.device.text().startswith("CPU, "))
    window.restore_look(window.memory().model_copy(update={"device": NAME}))
    qtbot.waitUntil(lambda: status.device.text() == NAME)
    menu = next(menu for menu in window.findChildren(QMenu) if menu.title() == "&Device")
    menu.aboutToShow.emit()
    entries = {entry.text(): entry for entry in menu.actions()}
    assert list(entries) == ["Automatic", status.devices["cpu"], NAME]
    assert entries[NAME].isChecked()
    entries["Automatic"].trigger()
    assert window.memory().device == models.device_name == "auto"
    qtbot.waitUntil(lambda: status.device.text().startswith("CPU, "))


def test_a_device_that_is_gone_leaves_the_models_to_the_cpu(window: MainWindow, qtbot: QtBot) -> None:
    window.session.models.choose_device("cuda:5")
    qtbot.waitUntil(window.banner.isVisible)
    assert "Models run on the CPU: device 'cuda:5' can't be used here" in window.banner.messages[0]
    assert window.status.device.text().startswith("CPU, ")


def test_models_leave_the_device_when_memory_is_short(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (save_model(tmp_path, name, 1) for name in ("one", "other"))
    models = ModelCache()
    first = models.get(one)
    assert models.get(one) is first
    monkeypatch.setattr("fakd_core.runtime.device.free_memory", lambda device: 1000)
    models.get(other)
    assert models.get(one) is not first
