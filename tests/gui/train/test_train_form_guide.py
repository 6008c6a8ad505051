"""Clicks on "1 setting needs fixing" lead to the field, wherever it is."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from fakd_gui.session.jobs import stop_all
from fakd_gui.session.session import Session
from fakd_gui.train.commands import TrainCommands
from fakd_gui.train.form import TrainForm
from fakd_gui.train.panel import TrainPanel
from fakd_gui.train.runner import TrainRunner
from fakd_gui.train.state import TrainState


class Bench(QWidget):
    """A form with a line and a button below it, as in the panel, and not high enough for all fields."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.state = TrainState(session, self)
        self.runner = TrainRunner(session, self.state)
        self.form = TrainForm(self.state, TrainCommands(session, self.state, self))
        self.line, self.button = QLabel("1 setting needs fixing"), QPushButton("Start")
        self.button.setEnabled(False)
        column = QVBoxLayout(self)
        for widget in (self.form, self.line, self.button):
            column.addWidget(widget)
        self.form.lead_from(self.line, self.button)
        self.resize(380, 330)


@pytest.fixture
def bench(session: Session, qtbot: QtBot) -> Bench:
    bench = Bench(session)
    # Qt aborts the program if a widget dies before its threads.
    qtbot.addWidget(bench, before_close_func=stop_all)
    bench.show()
    bench.activateWindow()
    qtbot.waitUntil(bench.isActiveWindow)
    qtbot.waitUntil(lambda: not bench.state.is_checking)
    return bench


def press(widget: QWidget) -> None:
    """Send what the window system sends; a disabled widget gets it too and ignores it."""
    spot = QPointF(widget.rect().center())
    event = QMouseEvent(
        QMouseEvent.Type.MouseButtonPress,
        spot,
        widget.mapToGlobal(spot),
        Qt.MouseButton.LeftButton,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(widget, event)


def in_view(form: TrainForm, widget: QWidget) -> bool:
    spot = widget.mapTo(form.viewport(), QPoint())
    return form.viewport().rect().contains(QRect(spot, widget.size()))


@pytest.mark.parametrize(
    ("source", "name", "value"),
    [("line", "ema", "2"), ("button", "student", "rcan:n_feats=x"), ("button", "alpha", "much")],
)
def test_a_click_leads_to_the_field(bench: Bench, qtbot: QtBot, source: str, name: str, value: str) -> None:
    form = bench.form
    widget = form.editors[name].widget
    (widget.set_text if hasattr(widget, "set_text") else widget.setText)(value)
    qtbot.waitUntil(lambda: not bench.state.is_checking)
    field = form.fields[name]
    assert field.problem
    # As far from it as can be.
    bar = form.verticalScrollBar()
    bar.setValue(bar.maximum() if widget.mapTo(form.widget(), QPoint()).y() < bar.maximum() / 2 else 0)
    assert not in_view(form, widget)
    press(getattr(bench, source))
    assert in_view(form, widget)
    assert in_view(form, field.note)
    focused = QApplication.focusWidget()
    assert focused is widget or widget.isAncestorOf(focused)
    assert getattr(bench, source).cursor().shape() is Qt.CursorShape.PointingHandCursor


def test_line_button_and_command_of_the_panel_lead_to_the_field(session: Session, qtbot: QtBot) -> None:
    panel = TrainPanel(session)
    qtbot.addWidget(panel, before_close_func=stop_all)
    panel.resize(900, 420)
    panel.show()
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow)
    qtbot.waitUntil(lambda: not panel.state.is_checking)
    form, wrong = panel.form, panel.form.editors["ema"].widget
    wrong.setText("2")
    for lead in (lambda: press(panel.estimate), lambda: press(panel.start_button), panel.actions.start):
        form.verticalScrollBar().setValue(0)
        form.editors["teacher"].widget.setFocus()
        assert not in_view(form, wrong)
        lead()
        assert in_view(form, wrong)
        assert QApplication.focusWidget() is wrong


def test_a_folded_option_is_unfolded(bench: Bench, qtbot: QtBot) -> None:
    form = bench.form
    form.editors["ema"].widget.setText("2")
    qtbot.waitUntil(lambda: not bench.state.is_checking)
    form.more.header.setChecked(False)
    room = form.verticalScrollBar().maximum()
    qtbot.waitUntil(lambda: form.verticalScrollBar().maximum() < room)
    form.verticalScrollBar().setValue(0)
    press(bench.line)
    assert form.more.rows.isVisible()
    assert in_view(form, form.editors["ema"].widget)
    qtbot.wait(50)  # Nor does it move away when Qt places everything anew.
    assert in_view(form, form.editors["ema"].widget)


def test_a_field_that_has_moved_since_the_last_events_is_found(bench: Bench, qtbot: QtBot) -> None:
    """Everything above it grows, and nothing is laid out before the press."""
    form, field = bench.form, bench.form.fields["alpha"]
    form.editors["alpha"].widget.setText("much")
    for name in ("teacher", "student", "train_data", "distill"):
        form.fields[name].show_note(fact="A fact that takes several lines. " * 12)
    press(bench.line)
    qtbot.waitUntil(lambda: in_view(form, field.widget) and in_view(form, field.note))


def test_a_form_that_is_hidden_leads_to_the_field_once_it_is_shown(bench: Bench, qtbot: QtBot) -> None:
    form = bench.form
    form.editors["ema"].widget.setText("2")
    form.hide()
    form.show_problem()
    assert not form.more.rows.isVisible()
    form.show()
    qtbot.waitUntil(lambda: in_view(form, form.editors["ema"].widget))


def test_a_click_leads_to_the_term_of_the_recipe(bench: Bench, qtbot: QtBot) -> None:
    form = bench.form
    bench.state.fill({"distill": "10*SA+1*PSA(k=0)"})
    qtbot.waitUntil(lambda: not bench.state.is_checking)
    assert form.fields["distill"].problem
    press(bench.line)
    focused = QApplication.focusWidget()
    assert form.recipe.isAncestorOf(focused) or form.recipe.below.isAncestorOf(focused)
    assert in_view(form, focused)


def test_without_a_problem_a_click_does_nothing(bench: Bench, qtbot: QtBot) -> None:
    form = bench.form
    assert form.problems() == []
    before = QApplication.focusWidget(), form.verticalScrollBar().value()
    press(bench.line)
    form.show_problem()
    assert (QApplication.focusWidget(), form.verticalScrollBar().value()) == before
    assert bench.line.cursor().shape() is Qt.CursorShape.ArrowCursor
