"""The form with a teacher of another project: its taps are shown, changed and checked."""

from __future__ import annotations

from pathlib import Path

import pytest
from external_networks import external_file
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from fakd_core.models.external.network import SpandrelNetwork
from fakd_gui.session.jobs import stop_all
from fakd_gui.session.session import Session
from fakd_gui.train.panel import TrainPanel

STUDENT = "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4"
CHOSEN = ["conv_first", "layers.0", "layers.2", "conv_after_body"]


@pytest.fixture(scope="module")
def swinir(tmp_path_factory: pytest.TempPathFactory, spandrel: object) -> Path:
    return external_file(tmp_path_factory.mktemp("swinir"), "SwinIR")


@pytest.fixture
def panel(session: Session, qtbot: QtBot, swinir: Path, photos: Path) -> TrainPanel:
    made = TrainPanel(session)
    qtbot.addWidget(made, before_close_func=lambda widget: stop_all(widget))
    made.show()
    values = {"teacher": (str(swinir),), "student": STUDENT, "train_data": str(photos), "steps": 2}
    made.state.fill({**values, "init_from_teacher": False, "batch": 1, "patch": 18, "val_images": 1})
    checked(qtbot, made)
    return made


def checked(qtbot: QtBot, panel: TrainPanel) -> None:
    qtbot.waitUntil(lambda: not panel.state.is_checking)


def retype(panel: TrainPanel, layer: int, path: str) -> None:
    edit = panel.form.taps.edits[layer]
    edit.setFocus()
    edit.selectAll()
    QTest.keyClicks(edit, path)
    edit.completer().popup().hide()
    QTest.keyClick(edit, Qt.Key.Key_Return)


def test_its_taps_are_shown_and_changed_in_place(panel: TrainPanel, qtbot: QtBot, swinir: Path) -> None:
    taps, form = panel.form.taps, panel.form
    assert taps.isVisible()
    assert [edit.text() for edit in taps.edits] == CHOSEN
    assert not taps.reset.isEnabled()
    assert "SwinIR ×4" in form.teacher_card.accessibleName()
    assert "12 features" in form.teacher_card.accessibleName()
    assert form.problems() == []

    retype(panel, 2, "layers.1")
    checked(qtbot, panel)
    assert form.editors["teacher"].widget.text() == f"{swinir}@conv_first,layers.0,layers.1,conv_after_body"
    assert panel.state.config() is not None
    network = panel.session.models.get(form.editors["teacher"].widget.text())
    assert isinstance(network, SpandrelNetwork)
    assert network.spec.taps[2] == "layers.1"

    taps.reset.click()
    checked(qtbot, panel)
    assert form.editors["teacher"].widget.text() == str(swinir)
    assert [edit.text() for edit in taps.edits] == CHOSEN


def test_an_unknown_module_path_is_marked_in_its_field(panel: TrainPanel, qtbot: QtBot) -> None:
    taps, form = panel.form.taps, panel.form
    retype(panel, 1, "layrs.0")
    checked(qtbot, panel)
    assert [bool(edit.property("invalid")) for edit in taps.edits] == [False, True, False, False]
    assert taps.note.isVisible()
    assert taps.note.text().startswith("Tap 'layrs.0': the network has no such module; near it: layers.")
    assert panel.state.config() is None
    assert not form.fields["teacher"].note.isVisible(), "it is shown once"
    assert len(form.problems()) == 1

    retype(panel, 1, "layers.0")
    checked(qtbot, panel)
    assert form.problems() == []
    assert not taps.note.isVisible()
    assert not any(edit.property("invalid") for edit in taps.edits)


def test_possible_taps_are_offered_while_typing(panel: TrainPanel) -> None:
    edit = panel.form.taps.edits[1]
    model = edit.completer().model()
    offered = [model.index(row, 0).data() for row in range(model.rowCount())]
    assert {"layers.3", "norm", "layers.0.residual_group.blocks.1"} <= set(offered)
    assert "upsample" not in offered


def test_bundled_architectures_have_no_taps_to_choose(
    panel: TrainPanel, qtbot: QtBot, small_teacher: Path
) -> None:
    panel.state.fill({"teacher": (str(small_teacher),)})
    checked(qtbot, panel)
    assert not panel.form.taps.isVisible()
    assert panel.form.problems() == []


def test_a_term_that_needs_equal_channels_names_both(panel: TrainPanel, qtbot: QtBot) -> None:
    panel.state.fill({"distill": "1*FitNet"})
    checked(qtbot, panel)
    row = panel.form.recipe.rows[0]
    assert "the student has 8 channels, the teacher 12" in row.problem
