"""The next start restores the last state, as far as it exists and is valid."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from fakd_core.data.resize import BICUBIC
from fakd_gui.session.jobs import LatestWins, stop_all
from fakd_gui.session.session import Session
from fakd_gui.session.user_files import read_memory, state_file, write_memory
from fakd_gui.widgets.theme import watcher
from fakd_gui.window.main_window import MainWindow
from fakd_gui.window.memory import MemoryWriter, WindowMemory


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAKD_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


def test_next_start_restores_the_last_state(
    qtbot: QtBot, window: MainWindow, config: Path, photos: Path, small_teacher: Path, tmp_path: Path
) -> None:
    window.session.set_teacher(str(small_teacher))
    window.session.add_student("rcan-g5-r1-c32-x4-baseline")
    with qtbot.waitSignal(window.session.image_changed):
        window.open_paths([photos / "coffee0.png"])
    window.compare.state.close_pane("rcan-g5-r1-c32-x4-baseline")
    window.session.library.set_colour(["rcan-g5-r1-c32-x4-baseline"], 4)
    window.session.library.show([str(tmp_path / "gone.pth")])
    window.show_workspace("Inspect")
    watcher().choose("dark")
    window.resize(780, 560)  # Qt makes a window that is larger than the screen fit into it.
    write_memory(state_file(), window.memory())

    watcher().choose("system")
    session = Session(runs_root=tmp_path / "other runs")
    second = MainWindow(session)
    memory = read_memory(WindowMemory, state_file())
    second.restore_look(memory)
    second.show()
    with qtbot.waitSignal(session.image_changed):
        second.restore(memory)
    assert watcher().scheme == "dark"
    assert session.teacher == str(small_teacher)
    assert session.library.chosen["Compare"] == [BICUBIC]
    assert session.library.chosen["Inspect"] == ["rcan-g5-r1-c32-x4-baseline"]
    assert session.library.colour_number("rcan-g5-r1-c32-x4-baseline") == 4
    assert session.image is not None
    assert session.image.name == "coffee0.png"
    assert second.workspaces.currentWidget() is second.inspect
    assert second.recent_files.files[0] == (str(photos / "coffee0.png"), "Train")
    assert second.size() == window.size()
    watcher().choose("system")
    assert stop_all(second, session)
    second.close()
    second.deleteLater()


def test_training_teacher_is_restored_apart_from_the_shown_one(
    qtbot: QtBot, window: MainWindow, config: Path, small_teacher: Path, tmp_path: Path
) -> None:
    window.session.set_teacher(str(small_teacher))
    window.train.form.editors["teacher"].widget.set_text("rcan-g5-r5-c32-x2")
    write_memory(state_file(), window.memory())
    session = Session(runs_root=tmp_path / "other runs")
    second = MainWindow(session)
    second.restore(read_memory(WindowMemory, state_file()))
    assert session.teacher == str(small_teacher)
    assert second.train.form.editors["teacher"].widget.text() == "rcan-g5-r5-c32-x2"
    assert stop_all(second, session)
    second.close()
    second.deleteLater()


def test_missing_files_and_invalid_values_are_ignored(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    teacher = window.session.teacher
    window.restore(
        WindowMemory.model_validate(
            {
                "teacher": str(tmp_path / "gone.safetensors"),
                "library": {"files": [str(tmp_path / "gone.pth")], "shown": {"Compare": [7]}, "names": 3},
                "image": str(tmp_path / "gone.png"),
                "workspace": "Nowhere",
                "workspaces": {"Train": "nonsense", "Compare": {"unknown": [1]}, "Inspect": {"layer": "x"}},
                "recent_files": "nonsense",
                "keys": {"Everywhere/paste": 7},
            }
        )
    )
    assert window.session.teacher == teacher
    assert window.session.library.students("Compare") == []
    assert window.session.image is None
    assert not window.banner.isVisible()


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"', "\x00"])
def test_damaged_state_file_counts_as_missing(config: Path, content: str) -> None:
    config.mkdir()
    state_file().write_text(content)
    assert read_memory(WindowMemory, state_file()) == WindowMemory()


def test_unwritable_config_folder_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FAKD_CONFIG", str(tmp_path / "file"))
    write_memory(state_file(), WindowMemory(teacher="one"))
    assert read_memory(WindowMemory, state_file()) == WindowMemory()


def test_memory_survives_json(window: MainWindow, config: Path) -> None:
    memory = window.memory()
    assert WindowMemory.model_validate_json(memory.model_dump_json()) == memory


def test_unchanged_state_is_not_written_again(qtbot: QtBot, config: Path) -> None:
    owner, memory = QObject(), WindowMemory(teacher="one")
    writer = MemoryWriter(lambda: memory, owner)
    writer.save()
    qtbot.waitUntil(state_file().is_file)
    qtbot.waitUntil(lambda: not writer.findChildren(LatestWins)[0].running)
    state_file().unlink()
    writer.save()
    qtbot.wait(100)
    assert not state_file().exists()
    memory = WindowMemory(teacher="two")
    writer.save_now()
    assert read_memory(WindowMemory, state_file()).teacher == "two"
    assert stop_all(owner)
