"""The router: what a path means in each workspace, several at once, questions, recent files and paste."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QUrl
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from fakd_core.data.image_files import write_image
from fakd_gui.session.opened_image import open_image
from fakd_gui.session.opening import WORKSPACES, Action, Kind, kind_of, plan_opening
from fakd_gui.session.session import Session
from fakd_gui.window.main_window import MainWindow


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """One path of each kind."""
    run, exported, folder = (tmp_path / name for name in ("run", "exported", "photos"))
    for made in (run, exported, folder):
        made.mkdir()
    (run / "config.toml").write_text("")
    (exported / "student.safetensors").write_bytes(b"")
    write_image(folder / "a.png", np.zeros((32, 48, 3), np.uint8))
    names = {"IMAGE": "photo.JPG", "MODEL": "net.pth", "SETTINGS": "x.toml", "TABLE": "x.json"}
    found = {kind: tmp_path / name for kind, name in names.items()}
    return {**found, "RUN": run, "FOLDER": folder, "exported": exported, "image": folder / "a.png"}


@pytest.mark.parametrize(
    ("kind", "actions"),
    [
        ("IMAGE", ["SHOW_IMAGES", "SHOW_IMAGES", "INSPECT_IMAGES", "SHOW_IMAGES"]),
        ("FOLDER", ["TRAIN_ON", "SHOW_FOLDERS", "SHOW_FOLDERS", "ADD_SETS"]),
        ("RUN", ["SHOW_RUNS", "ADD_STUDENTS", "ADD_STUDENTS", "ADD_MODELS"]),
        ("MODEL", ["ASK_FOR_ROLE", "ADD_STUDENTS", "ADD_STUDENTS", "ADD_MODELS"]),
        ("exported", ["ASK_FOR_ROLE", "ADD_STUDENTS", "ADD_STUDENTS", "ADD_MODELS"]),
        ("SETTINGS", ["LOAD_SETTINGS"] * 4),
        ("TABLE", ["SHOW_TABLE"] * 4),
    ],
)
def test_each_kind_has_one_action_per_workspace(
    files: dict[str, Path], kind: str, actions: list[str]
) -> None:
    for workspace, action in zip(WORKSPACES, actions, strict=True):
        assert plan_opening([files[kind]], workspace, None) == ({Action[action]: [files[kind]]}, [])


def test_result_image_is_recognized_by_size_and_name(files: dict[str, Path]) -> None:
    image = open_image(files["image"], 4, False)
    folder = files["FOLDER"]
    for name, size, kind in (
        ("a_swinir.png", (32, 48), Kind.RESULT_IMAGE),
        ("a_of an odd size.png", (35, 50), Kind.RESULT_IMAGE),
        ("a_larger.png", (36, 50), Kind.IMAGE),
        ("a_smaller.png", (31, 48), Kind.IMAGE),
        ("a_swinir_x2.png", (16, 24), Kind.IMAGE),
        ("b.png", (32, 48), Kind.IMAGE),
    ):
        write_image(folder / name, np.zeros((*size, 3), np.uint8))
        assert kind_of(folder / name, image) is kind, name
    assert kind_of(files["image"], image) is Kind.IMAGE
    (folder / "a_damaged.png").write_bytes(b"")
    assert kind_of(folder / "a_damaged.png", image) is Kind.IMAGE


def test_refused_paths_are_one_message(session: Session, messages: list[str], tmp_path: Path) -> None:
    session.open_paths([tmp_path / "notes.txt", tmp_path / "sound.mp3"], "Compare")
    assert len(messages) == 1
    assert messages[0].startswith("notes.txt, sound.mp3: can't be opened here. Drop an image")


def test_several_runs_are_overlaid(session: Session, files: dict[str, Path], tmp_path: Path) -> None:
    other = shutil.copytree(files["RUN"], tmp_path / "other run")
    selected: list[Path] = []
    session.run_selected.connect(selected.append)
    session.open_paths([files["RUN"], other], "Train")
    assert (selected, session.compared) == ([files["RUN"]], [other])


def test_training_uses_the_first_of_several_folders(
    window: MainWindow, files: dict[str, Path], photos: Path
) -> None:
    window.session.open_paths([photos, files["FOLDER"]], "Train")
    assert window.train.form.editors["train_data"].widget.text() == str(photos)
    assert window.status.currentMessage() == f"Opened {photos.name}, the first of 2"


def test_dropped_image_opens_in_an_image_workspace(qtbot: QtBot, window: MainWindow, photos: Path) -> None:
    for workspace, shown in (("Benchmark", "Compare"), ("Inspect", "Inspect"), ("Train", "Compare")):
        window.show_workspace(workspace)
        with qtbot.waitSignal(window.session.image_changed):
            window.open_paths([photos / "coffee0.png"])
        assert window.workspaces.current == shown


def open_menus(window: MainWindow) -> list[QMenu]:
    return [menu for menu in window.findChildren(QMenu) if menu.isVisible()]


def asked_about(window: MainWindow) -> list[str]:
    """The file names of the questions that are shown."""
    return [menu.actions()[0].text() for menu in open_menus(window)]


def answer(window: MainWindow, text: str) -> None:
    (menu,) = open_menus(window)
    next(action for action in menu.actions() if action.text() == text).trigger()
    menu.close()


def test_two_models_are_two_questions(
    qtbot: QtBot, window: MainWindow, small_teacher: Path, tmp_path: Path
) -> None:
    second = Path(shutil.copy(small_teacher, tmp_path / "second.safetensors"))
    with qtbot.waitActive(window):
        window.activateWindow()
    window.open_paths([small_teacher, second])
    assert asked_about(window) == [small_teacher.name]
    answer(window, "Use as teacher")
    qtbot.waitUntil(lambda: asked_about(window) == [second.name])
    answer(window, "Add as student")
    session = window.session
    qtbot.waitUntil(lambda: session.teacher == str(small_teacher))
    qtbot.waitUntil(lambda: session.library.students("Compare") == [str(second)])


def test_result_image_becomes_a_pane(qtbot: QtBot, window: MainWindow, files: dict[str, Path]) -> None:
    window.show_workspace("Compare")
    with qtbot.waitSignal(window.session.image_changed):
        window.open_paths([files["image"]])
    result = Path(shutil.copy(files["image"], files["FOLDER"] / "a_other.png"))
    window.open_paths([result])
    answer(window, "Compare it with a.png")
    state = window.compare.state
    qtbot.waitUntil(lambda: "a_other.png" in map(state.label, state.keys))
    assert window.session.image is not None
    assert window.session.image.name == "a.png"


def test_recent_files_hold_only_what_the_user_opened(
    qtbot: QtBot, window: MainWindow, photos: Path, files: dict[str, Path]
) -> None:
    session, recent = window.session, window.recent_files
    with qtbot.waitSignal(session.image_changed):
        session.open_image(photos / "chelsea0.png")
    session.select_run(files["RUN"])
    assert recent.files == []
    window.show_workspace("Benchmark")
    window.open_paths([photos])
    window.show_workspace("Train")
    menu = recent.menu
    menu.aboutToShow.emit()
    assert menu.actions()[0].toolTip() == f"{photos}\nOpens in Benchmark"
    menu.actions()[0].trigger()
    assert window.train.form.editors["train_data"].widget.text() != str(photos)
    assert photos in window.benchmark.state.folders


def test_paste_opens_files_paths_and_images(
    qtbot: QtBot, window: MainWindow, photos: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FAKD_CACHE", str(tmp_path / "cache"))
    copied_file, copied_image = QMimeData(), QMimeData()
    copied_file.setUrls([QUrl.fromLocalFile(str(photos / "coffee0.png"))])
    copied_image.setImageData(QImage(str(photos / "chelsea0.png")))
    copied_path = QMimeData()
    copied_path.setText(f' "{photos / "astronaut0.png"}"\n')
    for clipboard, name in ((copied_file, "coffee0"), (copied_path, "astronaut0"), (copied_image, "pasted")):
        QGuiApplication.clipboard().setMimeData(clipboard)
        with qtbot.waitSignal(window.session.image_changed) as opened:
            window.paste()
        assert opened.args is not None
        assert opened.args[0].name.startswith(name)
    QGuiApplication.clipboard().setText("no path")
    window.paste()
    assert "no image" in window.status.currentMessage()
    QGuiApplication.clipboard().setText("https://example.org/lake.png")
    window.paste()
    assert "links are not followed" in window.banner.messages[-1]
