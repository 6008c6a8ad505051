"""The recipe as text, rows and formula, which agree whichever is edited."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from pytestqt.qtbot import QtBot

from fakd_core.distillation.recipe import Recipe, Term
from fakd_gui.train.recipe_editor import Pairing, RecipeEditor
from fakd_gui.widgets.theme import DARK, LIGHT


@pytest.fixture
def editor(qtbot: QtBot) -> RecipeEditor:
    made = RecipeEditor()
    made.setText("10*SA")
    made.show_rows()
    for part in (made, made.below):
        qtbot.addWidget(part)
        part.show()
    return made


def shown(editor: RecipeEditor) -> list[str]:
    return [row.text() for row in editor.rows]


def test_rows_follow_the_text(editor: RecipeEditor) -> None:
    editor.setText("10*SA + 0.5*psa(k=4)")
    assert shown(editor) == ["10*SA", "0.5*PSA(k=4,pool=max)"]
    assert list(editor.rows[1].options) == ["k", "pool", "positions"]
    editor.setText("10*SA(positions=0.25)")
    assert shown(editor) == ["10*SA(positions=0.25)"]
    editor.setText("none")
    assert shown(editor) == []


def test_the_text_follows_a_row(qtbot: QtBot, editor: RecipeEditor) -> None:
    row = editor.rows[0]
    row.weight.selectAll()
    qtbot.keyClicks(row.weight, "2,5")
    assert editor.text() == "2.5*SA"
    assert row.weight.text() == "2,5"  # What is being typed is left alone.
    row.kind.setCurrentText("RBF")
    row.kind.activated.emit(row.kind.currentIndex())
    assert editor.text() == "2.5*RBF(k=2,pool=max,P=2,gamma=5)"
    gamma = row.options["gamma"]
    gamma.selectAll()
    qtbot.keyClicks(gamma, "3")
    assert editor.text() == "2.5*RBF(k=2,pool=max,P=2,gamma=3)"


def test_layers_of_a_term_in_its_row(qtbot: QtBot, editor: RecipeEditor) -> None:
    row = editor.rows[0]
    assert row.layers.text() == ""
    row.layers.setFocus()
    qtbot.keyClicks(row.layers, "2, ")
    assert row.layers.property("invalid")
    qtbot.keyClicks(row.layers, "3")
    assert (editor.text(), row.layers.text()) == ("10*SA@2,3", "2, 3")
    assert not row.layers.property("invalid")
    assert "SA at layers 2, 3" in editor.formula.accessibleName()
    editor.setText("1*AT+10*SA@1")
    assert [row.layers.text() for row in editor.rows] == ["", "1"]
    assert "<sub>1</sub>" in editor.formula.text()


def test_terms_of_outputs_have_no_layers(editor: RecipeEditor) -> None:
    editor.setText("0.5*Haar+ZoomIn(share=0.5)+AT")
    assert [widget.accessibleName() for widget in editor.rows[1].tab_order()[-2:]] == [
        *("Option share", "Option change")
    ]
    assert editor.rows[2].tab_order()[-1] is editor.rows[2].layers
    assert "Haar<small>" in editor.formula.text()
    assert "AT<sub>1,2,3</sub>" in editor.formula.text()
    editor.pair(Pairing(batch=1))
    assert "less than one patch" in editor.rows[1].problem
    assert not editor.rows[0].problem


def test_invalid_values_are_marked_in_their_row(qtbot: QtBot, editor: RecipeEditor) -> None:
    editor.setText("1*PSA")
    row = editor.rows[0]
    row.weight.selectAll()
    qtbot.keyClicks(row.weight, "-1")
    assert row.weight.property("invalid")
    assert editor.recipe() is None  # So that the form refuses it as well.
    row.weight.setText("")
    qtbot.keyClicks(row.weight, "3")
    assert not row.weight.property("invalid")
    row.options["k"].selectAll()
    qtbot.keyClicks(row.options["k"], "99")
    assert row.options["k"].property("invalid")
    assert "1..32" in row.options["k"].toolTip()


def test_terms_are_added_from_the_menu(editor: RecipeEditor) -> None:
    menu = editor.terms.menu()
    menu.aboutToShow.emit()
    entries: dict[str, QAction] = {action.text().split(":")[0]: action for action in menu.actions()}
    assert "spatial affinity" in entries["SA"].text()
    assert "equal width" in entries["CA"].text()
    entries["AT"].trigger()
    assert editor.text() == "10*SA+1*AT"
    editor.setText("none")
    entries["SA"].trigger()
    assert editor.text() == "10*SA"  # The paper's weight.


def test_terms_are_moved_and_the_focus_moves_along(qtbot: QtBot, editor: RecipeEditor) -> None:
    editor.setText("10*SA+2*AT+3*IA")
    qtbot.waitUntil(lambda: editor.rows[2].up.isVisible())
    qtbot.mouseClick(editor.rows[2].up, Qt.MouseButton.LeftButton)
    assert editor.text() == "10*SA+3*IA+2*AT"
    assert not editor.rows[0].up.isEnabled()
    assert not editor.rows[2].down.isEnabled()
    qtbot.mouseClick(editor.rows[0].down, Qt.MouseButton.LeftButton)
    assert editor.text() == "3*IA+10*SA+2*AT"


def test_a_removed_term_is_restored_by_undo(qtbot: QtBot, editor: RecipeEditor) -> None:
    editor.setText("10*SA+2*AT")
    with qtbot.waitSignal(editor.removed) as removed:
        qtbot.mouseClick(editor.rows[0].remove, Qt.MouseButton.LeftButton)
    assert removed.args == ["10*SA", "10*SA+2*AT"]
    assert (editor.text(), shown(editor)) == ("2*AT", ["2*AT"])
    editor.edit.undo()
    assert shown(editor) == ["10*SA", "2*AT"]
    for _ in range(2):
        qtbot.mouseClick(editor.rows[0].remove, Qt.MouseButton.LeftButton)
    assert editor.text() == "none"


def test_an_invalid_recipe_leaves_the_rows(editor: RecipeEditor) -> None:
    editor.setText("10*SA+")
    assert shown(editor) == ["10*SA"]
    editor.setText("10*SA+1*AT")
    assert shown(editor) == ["10*SA", "1*AT"]


@pytest.mark.parametrize(
    ("pairing", "marked"),
    [
        (Pairing(channels=[((32,) * 4, (32,) * 4)]), set()),
        (Pairing(channels=[((16,) * 4, (32,) * 4)]), {"CA", "FSP"}),
        (Pairing(channels=[((32,) * 4, (32,) * 4), ((32,) * 4, (64,) * 4)]), {"CA", "FSP"}),
        (Pairing(layers=(3,)), {"FSP"}),
        (Pairing(batch=1), {"IA"}),
        (Pairing(channels=[((16,) * 4, ())]), {"SA", "CA", "FSP", "IA"}),  # No feature maps to compare.
        (Pairing(batch=1, layers=(3,), channels=[((16,) * 4, (32,) * 4)], has_teacher=False), set()),
    ],
)
def test_terms_that_cannot_be_used_say_why(editor: RecipeEditor, pairing: Pairing, marked: set[str]) -> None:
    editor.setText("10*SA+1*CA+1*FSP+1*IA")
    editor.pair(pairing)
    problems = {row.kind.currentText(): row.problem for row in editor.rows if row.problem}
    assert set(problems) == marked
    if ((16,) * 4, (32,) * 4) in pairing.channels and marked:
        assert "the student has 16 channels, the teacher 32" in problems["CA"]


def test_the_formula_is_drawn_from_recipe_layers_and_alpha(editor: RecipeEditor) -> None:
    editor.setText("10*SA+1*PSA(k=4)")
    editor.pair(Pairing(alpha=0.25, layers=(0, 2)))
    plain = editor.formula.accessibleName()
    assert plain == "loss = 0.75·L1(student, HR) + 0.25·L1(student, teacher) + 10·SA + 1·PSA(k=4, pool=max)"
    text = editor.formula.text()
    assert "10 <span" in text
    assert "SA<sub>0,2</sub>" in text
    assert "<small>(k=4, pool=max)</small>" in text
    editor.pair(Pairing(has_teacher=False))
    assert editor.formula.accessibleName() == "loss = L1(student, HR)"


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_terms_have_the_colours_of_their_curves(theme: object) -> None:
    text = Pairing(layers=(1,)).rich_formula(Recipe((Term(10, "SA"),)), theme)
    for name in ("DS", "TS", "SA"):
        assert theme.part_colour(name) in text


@pytest.mark.parametrize(("alpha", "there", "gone"), [(0, "HR", "S − T"), (1, "S − T", "HR")])
def test_a_part_of_zero_weight_is_not_in_the_formula(alpha: float, there: str, gone: str) -> None:
    text = Pairing(alpha=alpha, layers=(1,)).rich_formula(Recipe(), LIGHT)
    assert there in text
    assert gone not in text
    assert text.count("α") == 1  # At the end, where its value stands.
