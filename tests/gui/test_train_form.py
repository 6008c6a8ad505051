"""The form: presets, what is typed, what is found out about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from fakd_core.config import TrainConfig
from fakd_gui.jobs import stop_all
from fakd_gui.session import Session
from fakd_gui.train import TrainPanel
from fakd_gui.train.estimate import in_words
from fakd_gui.train.options import FIELDS, number, problems_of, whole_numbers
from fakd_gui.train.presets import PRESETS, QUICK

STUDENT = "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4"


@pytest.fixture
def panel(session: Session, qtbot: QtBot) -> TrainPanel:
    made = TrainPanel(session)
    qtbot.addWidget(made, before_close_func=lambda widget: stop_all(widget))
    made.show()
    return made


def use_small(panel: TrainPanel, teacher: Path, photos: Path, **changes: object) -> None:
    values = {"teacher": (str(teacher),), "student": STUDENT, "train_data": str(photos), **changes}
    panel.form.fill({"init_from_teacher": False, "steps": 2, "batch": 1, "patch": 12, **values})


def wait_for_check(qtbot: QtBot, panel: TrainPanel) -> None:
    qtbot.waitUntil(lambda: not panel.form.checking, timeout=20_000)


def test_every_option_has_a_label_and_an_explanation(panel: TrainPanel) -> None:
    assert set(panel.form.fields) == set(FIELDS)
    assert set(panel.form.values()) <= set(TrainConfig.model_fields)
    assert all(field.widget.toolTip() for field in panel.form.fields.values())


def test_the_quick_preset_is_ready_at_once(panel: TrainPanel) -> None:
    assert panel.form.preset.currentText() == "Quick"
    assert panel.start_button.isEnabled()
    config = panel.form.config()
    assert config is not None
    shown = {name: getattr(config, name) for name in QUICK.values if name not in ("train_data", "val_data")}
    assert shown == {name: QUICK.values[name] for name in shown}
    assert (str(config.train_data), config.val_data) == ("samples", None)


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "Quick"])
def test_a_paper_preset_asks_for_what_is_not_bundled(panel: TrainPanel, name: str) -> None:
    panel.form.apply_preset(name)
    assert set(problems_of(panel.form.values())) == {"teacher", "train_data"}
    assert not panel.start_button.isEnabled()
    assert panel.form.steps.value() == 200_000
    assert panel.form.preset.currentText() == name


def test_an_edit_makes_the_preset_custom(panel: TrainPanel) -> None:
    panel.form.steps.setValue(77)
    assert panel.form.preset.currentText() == "Custom"


def test_findings_describe_models_images_and_time(
    qtbot: QtBot, panel: TrainPanel, small_teacher: Path, photos: Path
) -> None:
    use_small(panel, small_teacher, photos)
    wait_for_check(qtbot, panel)
    assert panel.form.findings is not None
    facts = panel.form.findings.facts
    assert facts["teacher"].startswith("RCAN x4: 4 groups of 2 blocks, 8 features")
    assert "2 groups of 1 block," in facts["student"]
    assert facts["train_data"] == "4 images to train on, 2 held out for validation"
    assert facts["distill"] == "loss = 0.5·L1(student, HR) + 0.5·L1(student, teacher) + 10·SA"
    assert "on this machine" in panel.estimate.text()
    assert panel.session.teacher == str(small_teacher)


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
    ],
)
def test_what_does_not_fit_together_is_said(
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


def test_a_student_with_weights_cannot_begin_as_the_teacher(
    qtbot: QtBot, panel: TrainPanel, small_teacher: Path, photos: Path
) -> None:
    use_small(panel, small_teacher, photos, student=str(small_teacher), init_from_teacher=True)
    wait_for_check(qtbot, panel)
    assert "weights of its own" in panel.form.fields["init_from_teacher"].problem


def test_an_invalid_field_is_marked_until_it_is_right(
    qtbot: QtBot, panel: TrainPanel, small_teacher: Path, photos: Path
) -> None:
    use_small(panel, small_teacher, photos)
    panel.form.teacher.set_text("nowhere.pth")
    wait_for_check(qtbot, panel)
    edit = panel.form.teacher.findChild(QLineEdit)
    assert edit.property("invalid")
    panel.form.teacher.set_text(str(small_teacher))
    wait_for_check(qtbot, panel)
    assert not edit.property("invalid")
    assert panel.form.problems() == []


def test_no_teacher_is_a_choice(qtbot: QtBot, panel: TrainPanel, small_teacher: Path, photos: Path) -> None:
    use_small(panel, small_teacher, photos)
    panel.form.teacher.set_text("none")
    wait_for_check(qtbot, panel)
    config = panel.form.config()
    assert config is not None
    assert config.teacher == ()
    assert panel.form.fields["distill"].note.text() == "loss = L1(student, HR)"
    assert not panel.form.init_from_teacher.isEnabled()


def test_terms_are_added_to_the_recipe(panel: TrainPanel) -> None:
    panel.form.terms.append("AT")
    assert panel.form.distill.text() == "10*SA+1*AT"
    panel.form.distill.setText("none")
    panel.form.terms.append("SA")
    assert panel.form.distill.text() == "1*SA"


def test_a_new_run_gets_a_free_folder_unless_named(panel: TrainPanel) -> None:
    form = panel.form
    root = panel.session.runs_root
    assert Path(form.run.text()) == root / "rcan-small-student-1"
    (root / "rcan-small-student-1").mkdir(parents=True)
    form.new_run_name()
    assert Path(form.run.text()) == root / "rcan-small-student-2"
    form.run.combo.lineEdit().clear()
    form.run.combo.lineEdit().insert("mine")
    form.run.combo.lineEdit().textEdited.emit("mine")
    form.new_run_name()
    assert form.run.text() == "mine"


@pytest.mark.parametrize(("typed", "value"), [("1e-4", 1e-4), ("0,5", 0.5), ("much", "much"), ("", "")])
def test_numbers_are_read_or_left_as_text(typed: str, value: object) -> None:
    assert number(typed) == value


@pytest.mark.parametrize(
    ("typed", "value"), [("150000, 300000", (150_000, 300_000)), ("150 000", (150_000,)), ("a, 1", "a, 1")]
)
def test_milestones_are_read_or_left_as_text(typed: str, value: object) -> None:
    assert whole_numbers(typed) == value


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(45.4, "45 s"), (110, "1 min 50 s"), (1500, "25 min"), (11_400, "3 h 10 min"), (432_000, "5 days")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
