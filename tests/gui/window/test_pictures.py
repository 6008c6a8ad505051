"""Screenshots of every workspace, light and dark, wide and narrow: in their colours, nothing cut off.

FAKD_PICTURES names a folder that gets the pictures, to be looked at.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QAccessible, QColor, QFont
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QLabel,
    QLineEdit,
    QTabBar,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from fakd_gui.app import make_application
from fakd_gui.widgets.convert import array_from_qimage
from fakd_gui.widgets.theme import DARK, LIGHT, watcher
from fakd_gui.window.main_window import MainWindow

SIZES = {"wide": (1280, 800), "narrow": (760, 520)}
SLACK = 2
"""Pixels: styles round."""


@pytest.fixture
def full_window(qtbot: QtBot, window: MainWindow, photos: Path, small_teacher: Path) -> MainWindow:
    """A window with a run behind it, an image opened and two models."""
    state = window.train.state
    state.fill(
        {
            "teacher": (str(small_teacher),),
            "student": "rcan:n_feats=8,n_resgroups=2,n_resblocks=1,reduction=4",
            "train_data": str(photos),
            **{"steps": 4, "batch": 2, "patch": 12, "validate_every": 2, "init_from_teacher": False},
        }
    )
    qtbot.waitUntil(lambda: not state.is_checking and state.config() is not None)
    with qtbot.waitSignal(window.session.training_finished):
        window.train.actions.start()
    window.show_workspace("Compare")
    with qtbot.waitSignal(window.compare.finished):
        window.open_paths([photos / "coffee0.png"])
    window.show_workspace("Inspect")
    qtbot.waitSignal(window.inspect.map_shown).wait()
    window.show_workspace("Benchmark")
    return window


def test_every_workspace(qtbot: QtBot, full_window: MainWindow) -> None:
    window = full_window
    problems: list[str] = []
    try:
        for scheme, theme in (("light", LIGHT), ("dark", DARK)):
            watcher().choose(scheme)  # type: ignore[arg-type]
            for size_name, size in SIZES.items():
                window.resize(*size)
                for name in window.workspaces.panels:
                    window.show_workspace(name)
                    qtbot.wait(60)
                    where = f"{name}, {scheme}, {size_name}"
                    assert (window.width(), window.height()) == size, where
                    picture = array_from_qimage(window.grab().toImage())
                    save(picture, f"{name}-{scheme}-{size_name}".lower())
                    assert picture.std() > 12, f"{where}: blank"
                    backdrop = QColor(theme.window)
                    share = np.all(picture == (backdrop.red(), backdrop.green(), backdrop.blue()), axis=2)
                    assert share.mean() > 0.05, f"{where}: not in its colours"
                    problems += [f"{where}: {problem}" for problem in cut_off(window)]
    finally:
        watcher().choose("system")
    assert problems == []


@pytest.mark.parametrize("larger", [1.25, 1.5])
def test_larger_font_raises_the_minimum_size(
    qtbot: QtBot, qapp: QApplication, request: pytest.FixtureRequest, larger: float
) -> None:
    make_application()
    font = qapp.font()
    letters = QFont(font)
    letters.setPointSizeF(larger * font.pointSizeF())
    problems: list[str] = []
    try:
        qapp.setFont(letters)
        window: MainWindow = request.getfixturevalue("full_window")
        for name in window.workspaces.panels:
            window.show_workspace(name)
            window.resize(*SIZES["narrow"])
            problems += [f"{name}: {problem}" for problem in stays_cut_off(qtbot, window)]
            assert window.width() > SIZES["narrow"][0]
            save(array_from_qimage(window.grab().toImage()), f"{name}-letters-{larger}".lower())
    finally:
        qapp.setFont(font)
    assert problems == []


def test_everything_that_takes_the_focus_has_an_accessible_name(full_window: MainWindow) -> None:
    """A screen reader has words for it."""
    nameless = []
    for name in full_window.workspaces.panels:
        full_window.show_workspace(name)
        nameless += [f"{name}: {describe(widget)}" for widget in without_name(full_window)]
    for name in ("check_model", "open_guide", "edit_shortcuts", "show_shortcuts"):
        full_window.actions[name].trigger()
        dialog = full_window.findChildren(QDialog)[-1]
        nameless += [f"{dialog.windowTitle()}: {describe(widget)}" for widget in without_name(dialog)]
        dialog.close()
    assert nameless == [], "\n".join(nameless)


def without_name(window: QWidget) -> list[QWidget]:
    """The widgets that one can click or reach by keyboard but that have no name."""
    found = []
    for widget in window.findChildren(QWidget):
        takes_focus = widget.focusPolicy() is not Qt.FocusPolicy.NoFocus
        if not widget.isVisible() or not (takes_focus or isinstance(widget, QAbstractButton)):
            continue
        if isinstance(
            widget.parent(), QTabBar | QComboBox | QAbstractSpinBox | QLineEdit
        ) or widget.objectName().startswith("qt_"):
            continue
        if not QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name):
            found.append(widget)
    return found


def stays_cut_off(qtbot: QtBot, window: MainWindow) -> list[str]:
    """List what is cut off once the layout has settled, which takes a while on a busy machine."""
    for _ in range(20):
        qtbot.wait(60)
        if not (found := cut_off(window)):
            break
    return found


def cut_off(window: MainWindow) -> list[str]:
    """Buttons, labels and boxes that show less than they must, or lie beyond the window."""
    found = []
    for widget in window.findChildren(QWidget):
        if not isinstance(widget, QAbstractButton | QLabel | QComboBox) or not widget.isVisible():
            continue
        if isinstance(widget, QLabel) and (widget.wordWrap() or widget.pixmap().width()):
            continue
        if widget.objectName().startswith("qt_"):
            continue  # Qt's own, such as the arrow at the end of a full tool bar.
        area = widget.visibleRegion().boundingRect()
        if area.isEmpty() or in_scroll_area(widget, window):
            continue
        needed = width_needed(widget)
        if widget.width() + SLACK < needed:
            found.append(f"{describe(widget)}: {widget.width()} of {needed} px")
        place = QRect(widget.mapTo(window, QPoint(0, 0)), widget.size())
        if not window.rect().adjusted(-SLACK, -SLACK, SLACK, SLACK).contains(place):
            found.append(f"{describe(widget)}: beyond the window")
    return found


def width_needed(widget: QWidget) -> int:
    icon_only = isinstance(widget, QToolButton) and not widget.icon().isNull() and not widget.text()
    return widget.iconSize().width() if icon_only else widget.minimumSizeHint().width()


def in_scroll_area(widget: QWidget, window: MainWindow) -> bool:
    parent = widget.parentWidget()
    while parent is not None and parent is not window:
        if isinstance(parent, QAbstractScrollArea):
            return True
        parent = parent.parentWidget()
    return False


def describe(widget: QWidget) -> str:
    text = getattr(widget, "text", str)() or widget.accessibleName()
    return f"{type(widget).__name__} {text!r} in {type(widget.parent()).__name__}"


def save(picture: np.ndarray, name: str) -> None:
    folder = os.environ.get("FAKD_PICTURES")
    if folder:
        from fakd_core.data.image_files import write_image

        write_image(Path(folder) / f"{name}.png", picture)
