"""The commands of Inspect: their keys, when they are enabled, and which keys pass to the window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from inspect_panels import empty_panel
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot
from small_models import Bench, save_photo

from fakd_gui.inspect.commands import EXPORTS
from fakd_gui.inspect.panel import InspectPanel


@pytest.fixture
def panel(bench: Bench, qtbot: QtBot) -> Iterator[InspectPanel]:
    yield from empty_panel(bench, qtbot)


def test_keys_work_while_a_control_has_the_focus(inspected: InspectPanel, qtbot: QtBot) -> None:
    slider = inspected.controls.opacity_slider
    slider.setFocus()
    for key in (Qt.Key.Key_H, Qt.Key.Key_N, Qt.Key.Key_Z):
        qtbot.keyClick(slider, key)
    assert inspected.state.hovering
    assert inspected.controls.hover.isChecked()
    assert inspected.area.camera.smooth
    assert inspected.area.camera.percent == pytest.approx(100)
    query, opacity = inspected.state.query, slider.value()
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert (inspected.state.query, slider.value()) == (query, opacity + 1)


def test_a_remapped_key_replaces_the_default(inspected: InspectPanel, qtbot: QtBot) -> None:
    inspected.actions.set_keys("move_right", ["K"])
    y, x = inspected.state.query
    for key in (Qt.Key.Key_Right, Qt.Key.Key_K):
        qtbot.keyClick(inspected, key)
    assert inspected.state.query == (y, x + 1)
    inspected.actions.set_keys("hover", ["J"])
    assert "(J)" in inspected.controls.hover.toolTip()


def test_escape_hides_the_matrix_and_then_passes_to_the_window(inspected: InspectPanel, qtbot: QtBot) -> None:
    def press_escape() -> bool:
        """Return whether the panel used the key."""
        event = QKeyEvent(QKeyEvent.Type.KeyPress, Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
        event.accept()
        inspected.keyPressEvent(event)
        return event.isAccepted()

    assert not press_escape()
    with qtbot.waitSignal(inspected.area.matrix.shown):
        qtbot.keyClick(inspected, Qt.Key.Key_M)
    qtbot.keyClick(inspected, Qt.Key.Key_2)
    assert inspected.area.matrix.grid.solo == 1
    assert press_escape()
    assert inspected.area.matrix.grid.solo is None
    assert inspected.state.matrix_shown
    assert press_escape()
    assert not inspected.state.matrix_shown
    assert not press_escape()


def test_exports_are_enabled_while_there_are_maps(bench: Bench, panel: InspectPanel, qtbot: QtBot) -> None:
    exports = [panel.actions[name] for name in EXPORTS if name]
    assert not any(action.isEnabled() for action in exports)
    bench.session.set_teacher(bench.teacher)
    with qtbot.waitSignal(panel.map_shown):
        bench.session.open_image(bench.photo)
    assert all(action.isEnabled() for action in exports)
    bench.session.set_teacher("")
    qtbot.waitUntil(lambda: not any(action.isEnabled() for action in exports))


def test_exports_wait_for_the_maps_of_a_new_image(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    exports = [inspected.actions[name] for name in EXPORTS]
    assert all(action.isEnabled() for action in exports)
    with qtbot.waitSignal(inspected.map_shown):
        with qtbot.waitSignal(bench.session.image_changed):
            bench.session.open_image(save_photo(bench.folder, "another"))
        # Otherwise they would write files without a single map.
        assert not any(action.isEnabled() for action in exports)
    assert all(action.isEnabled() for action in exports)


def test_a_digit_that_is_held_is_let_go_with_the_focus(inspected: InspectPanel, qtbot: QtBot) -> None:
    inspected.setFocus()
    qtbot.keyPress(inspected, Qt.Key.Key_2)
    qtbot.wait(400)
    other = QLineEdit()
    qtbot.addWidget(other)
    with qtbot.waitActive(other):
        other.show()
        other.activateWindow()
    assert inspected.area.grid.solo is None
