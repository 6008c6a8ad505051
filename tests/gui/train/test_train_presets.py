"""Saved settings: the user's presets, TOML files, the next start, and undo."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot

from fakd_core.runs.config import TrainConfig, to_toml
from fakd_core.runs.presets import PRESETS, preset_path, user_presets
from fakd_core.settings import read_toml
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.session import Session
from fakd_gui.train.panel import TrainPanel
from fakd_gui.train.state import CUSTOM, TrainMemory


class Heard:
    """The errors, messages and offers of undo of a session."""

    def __init__(self, session: Session) -> None:
        self.errors: list[str] = []
        self.messages: list[str] = []
        self.undo: list[tuple[str, Callable[[], object]]] = []
        session.error.connect(lambda problem: self.errors.append(problem.text))
        session.status_message.connect(self.messages.append)
        session.undo_offered.connect(lambda text, back: self.undo.append((text, back)))


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKD_CONFIG", str(tmp_path / "config"))


@pytest.fixture
def heard(session: Session) -> Heard:
    return Heard(session)


@pytest.fixture
def panel(session: Session, heard: Heard, qtbot: QtBot) -> Iterator[TrainPanel]:
    made = TrainPanel(session)
    qtbot.addWidget(made, before_close_func=lambda widget: stop_all(widget))
    made.show()
    return made


def save_as(qtbot: QtBot, panel: TrainPanel, name: str) -> None:
    """Save a preset by the menu and the row that asks for its name."""
    bar = panel.form.presets
    next(action for action in bar.menu.actions() if "Save as" in action.text()).trigger()
    assert bar.naming.isVisible()
    bar.naming.edit.selectAll()
    qtbot.keyClicks(bar.naming.edit, name)
    qtbot.keyClick(bar.naming.edit, Qt.Key.Key_Return)


def entries(panel: TrainPanel) -> list[str]:
    combo = panel.form.presets.combo
    return [combo.itemText(index) for index in range(combo.count()) if combo.itemText(index)]


def test_a_saved_preset_is_a_file_for_the_command_line(
    qtbot: QtBot, panel: TrainPanel, heard: Heard, tmp_path: Path
) -> None:
    form = panel.form
    panel.state.fill({"steps": 77, "lr": 3e-4, "distill": "2*AT", "ema": 0.99, "val_images": None})
    save_as(qtbot, panel, "Mine, short")
    path = tmp_path / "config" / "presets" / "Mine, short.toml"
    assert user_presets() == {"Mine, short": path}
    assert heard.messages == ["Saved the preset Mine, short"]
    assert form.presets.combo.currentText() == "Mine, short"
    assert not form.presets.naming.isVisible()
    wanted = panel.state.config()
    assert TrainConfig.build(**{**read_toml(path), "run": wanted.run}) == wanted

    panel.actions.apply_preset("Quick")
    assert (panel.state.config().steps, panel.state.config().ema) == (300, None)
    bar = form.presets.combo
    bar.setCurrentText("Mine, short")
    bar.activated.emit(bar.currentIndex())
    assert panel.state.config() == wanted
    assert entries(panel) == [*PRESETS, "Mine, short"]


def test_edited_settings_replaced_by_a_preset_can_be_restored(panel: TrainPanel, heard: Heard) -> None:
    form = panel.form
    panel.actions.apply_preset("Paper SAN")
    assert heard.undo == []  # Nothing was lost: Quick is still there.
    panel.actions.apply_preset("Quick")
    form.editors["steps"].widget.setValue(77)
    form.editors["alpha"].widget.setText("not yet")
    form.recipe.setText("1*AT")
    panel.actions.apply_preset("Paper SAN")
    (said, take_back), *_ = heard.undo
    assert said == "Paper SAN replaced the settings"
    take_back()
    assert form.editors["steps"].widget.value() == 77
    assert form.editors["alpha"].widget.text() == "not yet"
    assert form.recipe.text() == "1*AT"
    assert form.presets.combo.currentText() == CUSTOM


def test_a_removed_term_can_be_restored(panel: TrainPanel, heard: Heard, qtbot: QtBot) -> None:
    form = panel.form
    qtbot.waitUntil(lambda: not panel.state.is_checking)
    form.recipe.setText("10*SA+2*AT")
    form.recipe.rows[0].remove.click()
    assert panel.state.config().distill == "2*AT"
    said, take_back = heard.undo[-1]
    assert said == "Removed 10*SA from the recipe"
    take_back()
    assert panel.state.config().distill == form.recipe.text() == "10*SA+2*AT"


def test_a_replaced_and_a_deleted_preset_can_be_restored(
    qtbot: QtBot, panel: TrainPanel, heard: Heard
) -> None:
    form = panel.form
    save_as(qtbot, panel, "mine")
    before = preset_path("mine").read_bytes()
    form.editors["steps"].widget.setValue(77)
    save_as(qtbot, panel, "mine")
    assert b"steps = 77" in preset_path("mine").read_bytes()
    heard.undo[-1][1]()
    assert preset_path("mine").read_bytes() == before

    next(action for action in form.presets.menu.actions() if "Delete" in action.text()).trigger()
    assert user_presets() == {}
    assert "mine" not in entries(panel)
    assert form.presets.combo.currentText() == CUSTOM
    assert form.editors["steps"].widget.value() == 77
    said, take_back = heard.undo[-1]
    assert said == "Deleted the preset mine"
    take_back()
    assert preset_path("mine").read_bytes() == before
    assert "mine" in entries(panel)


def test_a_preset_is_renamed(qtbot: QtBot, panel: TrainPanel) -> None:
    save_as(qtbot, panel, "mine")
    save_as(qtbot, panel, "other")
    bar = panel.form.presets
    rename = next(action for action in bar.menu.actions() if "Rename" in action.text())
    rename.trigger()
    bar.naming.edit.setText("mine")
    bar.naming.save.click()
    assert "already exists" in bar.naming.reason.text()
    bar.naming.edit.setText("yours")
    bar.naming.save.click()
    assert list(user_presets()) == ["mine", "yours"]
    assert bar.combo.currentText() == "yours"
    panel.actions.apply_preset("Quick")
    assert not rename.isEnabled()


@pytest.mark.parametrize("name", ["", "a/b", "..", "Quick", "custom", "x" * 61, "a:b"])
def test_an_invalid_name_is_refused_below_the_field(
    qtbot: QtBot, panel: TrainPanel, tmp_path: Path, name: str
) -> None:
    naming = panel.form.presets.naming
    next(action for action in panel.form.presets.menu.actions() if "Save as" in action.text()).trigger()
    naming.edit.setText(name)
    naming.save.click()
    assert naming.isVisible()
    assert naming.reason.text()
    assert naming.edit.property("invalid")
    assert not (tmp_path / "config").exists()
    qtbot.keyClick(naming.edit, Qt.Key.Key_Escape)
    assert not naming.isVisible()


def test_invalid_settings_are_not_saved(qtbot: QtBot, panel: TrainPanel, tmp_path: Path) -> None:
    panel.form.editors["alpha"].widget.setText("much")
    save_as(qtbot, panel, "mine")
    assert "alpha" in panel.form.presets.naming.reason.text()
    assert user_presets() == {}


def test_a_preset_may_leave_models_and_images_open(qtbot: QtBot, panel: TrainPanel) -> None:
    panel.actions.apply_preset("Paper EDSR")
    save_as(qtbot, panel, "mine")
    saved = tomllib.loads(preset_path("mine").read_text())
    assert not {"teacher", "train_data"} & set(saved)
    panel.actions.apply_preset("Quick")
    panel.actions.apply_preset("mine")
    assert panel.state.config_values()["teacher"] == ("rcan-g5-r5-c32-x4",)  # Kept: the file names none.
    assert panel.form.editors["steps"].widget.value() == 200_000


def test_a_run_s_settings_are_loaded_into_a_new_folder(
    panel: TrainPanel, heard: Heard, tmp_path: Path, photos: Path
) -> None:
    run = tmp_path / "runs" / "old"
    run.mkdir(parents=True)
    config = TrainConfig.build(
        **{"teacher": ["a.pt", "b.pt"], "student": "san-paper-student", "train_data": str(photos)},
        **{"run": str(run), "seed": 2**40, "baseline": True, "layers": [0, 2], "milestones": [5, 9]},
        **{"teacher_cache": str(tmp_path / "cache"), "cache_patches": 500, "device": "cpu"},
    )
    (run / "config.toml").write_text(to_toml(config))
    panel.actions.load_settings(run / "config.toml")
    loaded = TrainConfig.build(**panel.state.config_values())
    assert loaded == config.model_copy(update={"run": tmp_path / "runs" / "san-paper-student-1"})
    assert heard.errors == []
    assert panel.form.presets.combo.currentText() == CUSTOM


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("steps = 'many'", "steps"),
        ("stepps = 5", "stepps: no such option"),
        ("steps = ", "not valid TOML"),
        ("baseline = true", "name a teacher"),
        (None, "no such file"),
    ],
)
def test_an_invalid_settings_file_is_refused_in_one_line(
    panel: TrainPanel, heard: Heard, tmp_path: Path, text: str | None, reason: str
) -> None:
    file = tmp_path / "file.toml"
    if text is not None:
        file.write_text(text)
    before = panel.state.snapshot()
    panel.actions.load_settings(file)
    (line,) = heard.errors
    assert "file.toml" in line
    assert reason in line
    assert panel.state.snapshot() == before


def test_settings_are_saved_to_a_chosen_file_and_loaded(
    panel: TrainPanel, heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file.with_suffix(".toml")), ""))
    actions = {action.text().replace("&", ""): action for action in panel.form.presets.menu.actions()}
    wanted = panel.state.config()
    actions["Save settings as TOML…"].trigger()
    assert TrainConfig.build(**read_toml(tmp_path / "mine.toml")) == wanted
    assert heard.messages == ["Wrote mine.toml; on the command line: fakd train --config mine.toml"]
    panel.form.editors["steps"].widget.setValue(77)
    actions["Load settings…"].trigger()
    assert panel.state.config() == wanted
    assert heard.undo[-1][0] == "mine.toml replaced the settings"
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Cancel)
    actions["Save settings as TOML…"].trigger()
    assert heard.messages[1:] == ["Loaded mine.toml"]


def test_a_method_sets_the_recipe_and_leaves_the_rest(panel: TrainPanel, qtbot: QtBot, heard: Heard) -> None:
    box, state = panel.form.method, panel.state
    assert box.currentText() == "Fast FAKD"
    state.edit("steps", 77)
    box.setFocus()
    qtbot.keyClicks(box, "D")
    box.activated.emit(box.currentIndex())
    assert (box.currentText(), state.values["distill"], state.values["steps"]) == (
        "DUKD",
        "ZoomIn+ZoomOut",
        77,
    )
    assert "the teacher answers. (Zhang et al., 2023" in panel.form._method_row.note.text()
    assert heard.undo == [], "it was a method's recipe before"
    state.edit("distill", "3*AT")
    assert box.currentText() == "Other"
    panel.actions.apply_method("FitNet")
    text, undo = heard.undo[-1]
    assert text == "FitNet replaced the recipe 3*AT"
    undo()
    assert (state.values["distill"], box.currentText()) == ("3*AT", "Other")
    state.edit("teacher", ())
    assert not box.isEnabled()


def test_a_chosen_training_folder_stays_with_a_paper_preset(panel: TrainPanel, photos: Path) -> None:
    panel.actions.train_on(photos)
    panel.actions.apply_preset("Paper RCAN")
    assert panel.form.editors["train_data"].widget.text() == str(photos)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("teacher", "rcan-g5-r5-c32-x4"),
        ("teacher", [1]),
        ("steps", 10**12),
        ("val_images", -(10**12)),
        ("layers", "01"),
        ("baseline", "yes"),
        ("distill", 5),
        ("batch", [2]),
    ],
)
def test_a_remembered_value_of_another_kind_is_left_out(
    panel: TrainPanel, option: str, value: object
) -> None:
    before = panel.state.values[option]
    panel.restore(TrainMemory(settings={option: value, "alpha": 0.25}))
    assert panel.state.values[option] == before
    panel.form.editors["alpha"].widget.setText("0.75")
    assert panel.state.values["alpha"] == 0.75


def test_the_home_folder_of_nobody_is_an_ordinary_name(panel: TrainPanel) -> None:
    panel.form.editors["run"].widget.set_text("~nobody-of-this-name/run")
    assert panel.state.values["run"] == Path("~nobody-of-this-name/run")


def test_the_next_start_restores_the_settings(panel: TrainPanel, session: Session, qtbot: QtBot) -> None:
    panel.state.fill({"steps": 77, "layers": (0, 3), "distill": "1*AT"})
    panel.form.editors["alpha"].widget.setText("wrong")
    left = panel.memory().model_dump(mode="json")
    other = TrainPanel(session)
    qtbot.addWidget(other, before_close_func=lambda widget: stop_all(widget))
    other.restore(TrainMemory.model_validate(left))
    assert other.state.snapshot() == panel.state.snapshot()
    assert other.form.presets.combo.currentText() == CUSTOM
    assert other.form.fields["alpha"].problem
    damaged = {"steps": "x", "layers": 5, "nothing": 1, "scale": None}
    other.restore(TrainMemory.model_validate({"preset": 3, "settings": damaged}))
    other.restore(TrainMemory.model_validate({"settings": []}))
    assert other.form.editors["steps"].widget.value() == 77
    assert other.state.config_values()["layers"] == (0, 3)
