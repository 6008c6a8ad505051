"""Two fingers pan and pinch, a mouse wheel zooms; the keys of a Mac."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QNativeGestureEvent, QPointingDevice, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from fakd_gui.compare.commands import COMMANDS as COMPARE
from fakd_gui.library.commands import COMMANDS as LIBRARY
from fakd_gui.widgets.actions import ActionTable
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_canvas import ImageCanvas

AT = QPointF(70, 110)
NONE, CONTROL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
MOUSE, FINGERS, MOMENTUM = (
    Qt.ScrollPhase.NoScrollPhase,
    Qt.ScrollPhase.ScrollUpdate,
    Qt.ScrollPhase.ScrollMomentum,
)


@pytest.fixture
def canvas(qtbot: QtBot) -> ImageCanvas:
    made = ImageCanvas(Camera())
    qtbot.addWidget(made)
    made.resize(400, 300)
    made.camera.set_scene(400, 300)
    made.show()
    made.camera.set_percent(200)
    return made


def scroll(
    canvas: ImageCanvas, pixels: QPoint, phase: Qt.ScrollPhase, keys: Qt.KeyboardModifier = NONE
) -> None:
    button = Qt.MouseButton.NoButton
    event = QWheelEvent(AT, canvas.mapToGlobal(AT), pixels, pixels * 8, button, keys, phase, False)
    QApplication.sendEvent(canvas, event)


@pytest.mark.parametrize("phase", [FINGERS, MOMENTUM])
def test_two_fingers_move_the_image_with_them(canvas: ImageCanvas, phase: Qt.ScrollPhase) -> None:
    before = canvas.camera.to_scene(AT)
    scroll(canvas, QPoint(-12, 30), phase)
    assert canvas.camera.percent == pytest.approx(200)
    assert canvas.camera.to_view(before) == AT + QPointF(-12, 30)


def test_two_fingers_with_control_and_a_wheel_zoom_at_the_mouse(canvas: ImageCanvas) -> None:
    for phase, keys in ((FINGERS, CONTROL), (MOUSE, NONE)):
        canvas.camera.set_percent(200)
        before = canvas.camera.to_scene(AT)
        # X11 also gives pixels for the notches of some mice.
        scroll(canvas, QPoint(0, 15), phase, keys)
        assert canvas.camera.percent == pytest.approx(250)
        assert (canvas.camera.to_view(before) - AT).manhattanLength() <= 2


def test_pinching_zooms_at_the_mouse(canvas: ImageCanvas) -> None:
    before = canvas.camera.to_scene(AT)
    QApplication.sendEvent(
        canvas,
        QNativeGestureEvent(
            Qt.NativeGestureType.ZoomNativeGesture,
            QPointingDevice.primaryPointingDevice(),
            2,
            AT,
            AT,
            canvas.mapToGlobal(AT),
            0.5,
            QPointF(),
        ),
    )
    assert canvas.camera.percent == pytest.approx(300)
    assert (canvas.camera.to_view(before) - AT).manhattanLength() <= 2


def test_backspace_deletes(qtbot: QtBot) -> None:
    owner = QWidget()
    qtbot.addWidget(owner)
    for commands, name in ((COMPARE, "close_pane"), (LIBRARY, "remove")):
        assert ActionTable("", commands, owner).keys[name] == ("Del", "Backspace")
