"""The form of a training: its fields, the checks of their values, and the facts it shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QSpinBox, QWidget
from pytestqt.qtbot import QtBot

from fakd_core.runs.config import TrainConfig
from fakd_core.runs.option_help import training_options
from fakd_core.runs.presets import PRESETS, QUICK
from fakd_core.training.estimate import Estimate
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.session import Session
from fakd_gui.train.options import (
    problems_of,
)
from fakd_gui.train.panel import TrainPanel

STUDENT = "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4"


@pytest.fixture
def panel(session: Session, qtbot: QtBot) -> TrainPanel:
    made = TrainPanel(session)
    qtbot.addWidget(made, before_close_func=lambda widget: stop_all(widget))
    made.show()
    return made


def use_small(panel: TrainPanel, teacher: Path, photos: Path, **changes: object) -> None:
    values = {"teacher": (str(teacher),), "student": STUDENT, "train_data": str(photos), **changes}
    panel.state.fill({"init_from_teacher": False, "steps": 2, "batch": 1, "patch": 12, **values})


def wait_for_check(qtbot: QtBot, panel: TrainPanel) -> None:
    qtbot.waitUntil(lambda: not panel.state.is_checking)


def test_every_option_of_the_schema_is_drawn_and_explained(panel: TrainPanel) -> None:
    form = panel.form
    assert list(form.fields) != list(TrainConfig.model_fields)  # In the form's own order, but all of them.
    assert set(form.fields) == set(panel.state.values) == set(TrainConfig.model_fields)
    for name, option in training_options().items():
        widget, shown = form.fields[name].widget, form.fields[name].label.text().replace("&", "")
        assert (widget.text() if isinstance(widget, QCheckBox) else shown) == option.title
        assert widget.toolTip().startswith(option.description)
        assert widget.accessibleName() or isinstance(widget, QCheckBox)
    kinds = {"batch": QSpinBox, "ema": QLineEdit, "schedule": QComboBox, "compile": QCheckBox}
    assert {name: type(form.fields[name].widget) for name in kinds} == kinds
    assert "If empty: a tenth of the run" in form.fields["validate_every"].widget.toolTip()
    assert "from 0 to 1" in form.fields["alpha"].widget.toolTip()


def test_an_option_left_empty_is_left_to_the_engine(panel: TrainPanel) -> None:
    form = panel.form
    panel.state.fill({"validate_every": None, "val_images": None, "ema": None, "seed": 2**40})
    assert form.editors["validate_every"].widget.text() == "a tenth of the run"
    config = panel.state.config()
    assert config is not None
    assert (config.validate_every, config.val_images, config.ema) == (None, None, None)
    assert config.seed == 2**40
    form.editors["ema"].widget.setText("0.99")
    form.editors["validate_every"].widget.setValue(1)
    assert (panel.state.config().ema, panel.state.config().validate_every) == (0.99, 1)


def test_rare_options_are_folded_and_open_if_one_must_be_changed(panel: TrainPanel) -> None:
    form = panel.form
    rows = form.more.rows
    assert not rows.isVisible()
    form.editors["seed"].widget.setText("7")
    assert any("seed 7" in label.text() for label in form.more.findChildren(type(form.teacher_card.text)))
    form.editors["ema"].widget.setText("2")
    assert "above 0 and below 1" in form.fields["ema"].problem
    assert rows.isVisible()


def test_a_teacher_cache_gets_a_default_number_of_patches(panel: TrainPanel, tmp_path: Path) -> None:
    form = panel.form
    assert not form.editors["cache_patches"].widget.isEnabled()
    form.editors["teacher_cache"].widget.set_text(str(tmp_path / "cache"))
    config = panel.state.config()
    assert config is not None
    assert (config.teacher_cache, config.cache_patches) == (tmp_path / "cache", 4096)
    form.editors["cache_patches"].widget.setValue(3)
    assert "at least batch" in form.fields["cache_patches"].problem
    form.editors["teacher_cache"].widget.set_text("")
    assert panel.state.config().cache_patches is None


def test_options_that_need_a_teacher_are_disabled_without_one(panel: TrainPanel) -> None:
    form = panel.form
    form.editors["baseline"].widget.setChecked(True)
    assert panel.state.config().baseline
    form.editors["teacher"].widget.set_text("none")
    assert not form.editors["baseline"].widget.isEnabled()
    assert not panel.state.config().baseline


def test_several_teachers_are_kept(panel: TrainPanel, small_teacher: Path) -> None:
    names = ("rcan-g5-r5-c32-x4", str(small_teacher))
    panel.state.fill({"teacher": names})
    assert panel.state.config_values()["teacher"] == names
    assert panel.state.first_teacher == names[0]


def test_several_folders_are_trained_on(panel: TrainPanel, tmp_path: Path) -> None:
    form, odd = panel.form, tmp_path / "a; b"
    odd.mkdir()
    for text, folders in (("a; b", ("a", "b")), ("c", ("c",)), (str(odd), (str(odd),))):
        form.editors["train_data"].widget.set_text(text)
        assert panel.state.values["train_data"] == folders
        assert panel.state.config().train_data == tuple(map(Path, folders))
    form.editors["train_data"].widget.set_text("")
    assert set(problems_of(panel.state.config_values())) == {"train_data"}
    form.editors["val_data"].widget.set_text("d;e")
    assert panel.state.values["val_data"] == ("d", "e")
    panel.state.fill({"train_data": (Path("x"), Path("y")), "val_data": None})
    assert panel.state.values["train_data"] == ("x", "y")
    assert panel.state.values["val_data"] == ()


def test_the_quick_preset_is_ready_at_once(panel: TrainPanel) -> None:
    assert panel.form.presets.combo.currentText() == "Quick"
    assert panel.start_button.isEnabled()
    config = panel.state.config()
    assert config is not None
    shown = {name: getattr(config, name) for name in QUICK.values if name not in ("train_data", "val_data")}
    assert shown == {name: QUICK.values[name] for name in shown}
    assert (config.train_data, config.val_data) == ((Path("samples"),), ())


@pytest.mark.parametrize("name", [name for name in PRESETS if name.startswith("Paper")])
def test_a_paper_preset_asks_for_teacher_and_images(panel: TrainPanel, name: str) -> None:
    panel.actions.apply_preset(name)
    assert set(problems_of(panel.state.config_values())) == {"teacher", "train_data"}
    assert not panel.start_button.isEnabled()
    assert panel.form.editors["steps"].widget.value() == 200_000
    assert panel.form.presets.combo.currentText() == name


def test_an_edit_makes_the_preset_custom(panel: TrainPanel) -> None:
    panel.form.editors["steps"].widget.setValue(77)
    assert panel.form.presets.combo.currentText() == "Custom"


def test_the_check_describes_models_images_and_time(
    qtbot: QtBot, panel: TrainPanel, small_teacher: Path, photos: Path
) -> None:
    use_small(panel, small_teacher, photos)
    wait_for_check(qtbot, panel)
    assert panel.state.check is not None
    teacher, student = panel.form.teacher_card.accessibleName(), panel.form.student_card.accessibleName()
    assert teacher.startswith("Teacher: teacher: RCAN ×4, 4 groups of 2 blocks, 8 features, 0.0")
    assert teacher.endswith("GMACs, RCAN authors' keys, .safetensors")
    assert "2 groups of 1 block, 8 features" in student
    assert "starts at random" in student
    assert "of the teacher's parameters" in student
    assert panel.form.teacher_card.isVisible()
    assert panel.state.check.facts["train_data"] == "4 images to train on, 2 held out for validation"
    formula = panel.form.recipe.formula
    assert formula.accessibleName() == (
        "loss = 0.5·L1(student, HR) + 0.5·L1(student, teacher) + 10·SA(positions=0.0625)"
    )
    assert "SA<sub>1,2,3</sub>" in formula.text()
    assert panel.estimate.text().startswith("about ")
    assert "MB of memory (CPU)" in panel.estimate.text()


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"scale": 2}, "teacher", "x4"),
        ({"distill": "1*CA", "student": "rcan:n_feats=12,reduction=4"}, "distill", "equal width"),
        ({"layers": ()}, "layers", "at least one"),
        (
            {"student": "edsr:n_feats=8,n_resblocks=2", "init_from_teacher": True},
            "init_from_teacher",
            "no layers match",
        ),
        ({"val_images": 6}, "train_data", "hold out fewer"),
        ({"device": "abacus"}, "device", "abacus"),
        ({"precision": "fp16"}, "precision", "CUDA"),
    ],
)
def test_settings_that_do_not_fit_together_are_problems(
    qtbot: QtBot,
    panel: TrainPanel,
    small_teacher: Path,
    photos: Path,
    changes: dict[str, object],
    field: str,
    reason: str,
) -> None:
    use_small(panel, small_teacher, photos, **changes)
    wait_for_check(qtbot, panel)
    assert reason in panel.form.fields[field].problem
    assert not panel.start_button.isEnabled()


def test_a_student_with_weights_cannot_start_as_the_teacher(
    qtbot: QtBot, panel: TrainPanel, small_teacher: Path, photos: Path
) -> None:
    use_small(panel, small_teacher, photos, student=str(small_teacher), init_from_teacher=True)
    wait_for_check(qtbot, panel)
    assert "weights of its own" in panel.form.fields["init_from_teacher"].problem


def test_an_invalid_field_is_marked_until_it_is_valid(
    qtbot: QtBot, panel: TrainPanel, small_teacher: Path, photos: Path
) -> None:
    use_small(panel, small_teacher, photos)
    panel.form.editors["teacher"].widget.set_text("nowhere.pth")
    wait_for_check(qtbot, panel)
    edit = panel.form.editors["teacher"].widget.findChild(QLineEdit)
    assert edit.property("invalid")
    panel.form.editors["teacher"].widget.set_text(str(small_teacher))
    wait_for_check(qtbot, panel)
    assert not edit.property("invalid")
    assert panel.form.problems() == []


def test_training_without_a_teacher_can_be_chosen(
    qtbot: QtBot, panel: TrainPanel, small_teacher: Path, photos: Path
) -> None:
    use_small(panel, small_teacher, photos)
    panel.form.editors["teacher"].widget.set_text("none")
    wait_for_check(qtbot, panel)
    config = panel.state.config()
    assert config is not None
    assert config.teacher == ()
    assert panel.form.recipe.formula.accessibleName() == "loss = L1(student, HR)"
    assert not panel.form.teacher_card.isVisible()
    assert not panel.form.editors["init_from_teacher"].widget.isEnabled()


def test_a_new_run_gets_a_free_folder_unless_named(panel: TrainPanel) -> None:
    form = panel.form
    root = panel.session.runs_root
    assert Path(form.editors["run"].widget.text()) == root / "rcan-small-student-1"
    (root / "rcan-small-student-1").mkdir(parents=True)
    panel.state.propose_new_run()
    assert Path(form.editors["run"].widget.text()) == root / "rcan-small-student-2"
    form.editors["run"].widget.combo.lineEdit().clear()
    form.editors["run"].widget.combo.lineEdit().insert("mine")
    form.editors["run"].widget.combo.lineEdit().textEdited.emit("mine")
    panel.state.propose_new_run()
    assert form.editors["run"].widget.text() == "mine"


def test_too_little_memory_or_disk_is_a_warning_beside_start(qtbot: QtBot, panel: TrainPanel) -> None:
    wait_for_check(qtbot, panel)
    panel.state.check.estimate = Estimate(
        memory=20_000_000_000,
        free_memory=8_000_000_000,
        disk=0,
        free_disk=10**12,
        device="cpu",
        precision="bf16",
        seconds=60,
    )
    panel.state.check_changed.emit()
    assert panel.estimate.text().startswith("needs about 20 GB of memory but only 8.0 GB is free")
    assert panel.estimate.property("role") == "warning"
    assert panel.start_button.isEnabled()
    panel.state.check.estimate = Estimate(
        memory=10**9, free_memory=8 * 10**9, disk=2 * 10**12, free_disk=10**12, device="cpu", precision="fp32"
    )
    panel.state.check_changed.emit()
    assert panel.estimate.text().startswith("the teacher cache needs 2000 GB but only 1000 GB is free")


def test_tab_goes_through_the_form_from_top_to_bottom(qtbot: QtBot, panel: TrainPanel) -> None:
    wait_for_check(qtbot, panel)
    panel.form.more.unfold()
    panel.form.recipe.setText("10*SA+1*PSA")
    qtbot.waitUntil(lambda: panel.form.recipe.rows[-1].weight.isVisible())
    body = panel.form.widget()
    panel.activateWindow()
    panel.form.presets.combo.setFocus()
    heights = []
    widget: QWidget = panel.form.presets.combo
    for _ in range(80):
        if not body.isAncestorOf(widget):
            break
        heights.append(widget.mapTo(body, widget.rect().center()).y())
        qtbot.keyClick(widget, Qt.Key.Key_Tab)
        widget = panel.focusWidget()
    assert len(heights) > 40
    assert heights == sorted(heights)
    panel.form.recipe.rows[0].weight.setFocus()
    for there in (panel.form.recipe.rows[0].kind, panel.form.recipe.rows[0].down):
        qtbot.keyClick(panel.focusWidget(), Qt.Key.Key_Tab)
        assert panel.focusWidget() is there


def test_mnemonics_are_unique(panel: TrainPanel) -> None:
    labels = [field.label.text() for field in panel.form.fields.values()]
    letters = [
        text[text.index("&") + 1].lower() for text in [*labels, "Pr&eset", "S&moothing"] if "&" in text
    ]
    assert len(letters) == len(set(letters)) == 10
    assert not set(letters) & set("ftvh")  # The menus'.


def test_the_teacher_of_a_training_is_shown_elsewhere_only_if_asked(
    qtbot: QtBot, panel: TrainPanel, small_teacher: Path, photos: Path
) -> None:
    session, card = panel.session, panel.form.teacher_card
    shown_before = session.teacher
    use_small(panel, small_teacher, photos)
    wait_for_check(qtbot, panel)
    assert session.teacher == shown_before == "rcan-g5-r5-c32-x4"
    assert "Use in the other workspaces" in card.text.text()
    card.text.linkActivated.emit("#")
    assert session.teacher == str(small_teacher)
    assert "Use in the other workspaces" not in card.text.text()


def test_the_teacher_of_all_workspaces_is_used_for_the_next_training(
    qtbot: QtBot, panel: TrainPanel, small_teacher: Path
) -> None:
    panel.session.set_teacher(str(small_teacher))
    assert panel.form.editors["teacher"].widget.text() == str(small_teacher)
    assert panel.state.config_values()["teacher"] == (str(small_teacher),)
    wait_for_check(qtbot, panel)
    assert not panel.actions["use_teacher"].isEnabled()


def test_a_teacher_that_cannot_be_used_is_not_offered_to_the_other_workspaces(
    qtbot: QtBot, panel: TrainPanel
) -> None:
    panel.form.editors["teacher"].widget.set_text("nowhere.pth")
    wait_for_check(qtbot, panel)
    assert not panel.actions["use_teacher"].isEnabled()
    assert panel.session.teacher == "rcan-g5-r5-c32-x4"
