"""Tool bars, their icons and menus, and the buttons that open an image."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QIcon, QPixmap
from PySide6.QtWidgets import QMenu, QToolBar, QToolButton, QWidget

from fakd_core.data.folders import sample_images
from fakd_core.errors import FakdError
from fakd_gui.widgets.file_dialogs import ask_image
from fakd_gui.widgets.theme import follow_theme, icon

THUMBNAIL = QSize(56, 40)
HR_TIP = (
    "The image is ground truth: it is downscaled by MATLAB's bicubic first,\n"
    "so that every result can be measured against it"
)
LR_TIP = "The image is low resolution: upscale it as it is (nothing to measure against)"
USES = {False: ("HR", HR_TIP), True: ("LR", LR_TIP)}
"""Text and tip of what an image may be, by whether it is LR."""


def make_tool_bar(parent: QWidget) -> QToolBar:
    bar = QToolBar(
        parent, iconSize=QSize(18, 18), toolButtonStyle=Qt.ToolButtonStyle.ToolButtonTextBesideIcon
    )
    # The style's own arrow is black on the dark theme.
    set_icon(bar.findChild(QToolButton, "qt_toolbar_ext_button"), "chevron-double-right")
    return bar


def menu_button(bar: QToolBar, text: str, menu: QMenu, *, icon_name: str, tip: str) -> QToolButton:
    button = drop_down_button(f"{text} ▾", tip, menu)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
    set_icon(button, icon_name)
    bar.addWidget(button)
    return button


def drop_down_button(text: str, tip: str, menu: QMenu) -> QToolButton:
    """A button whose only use is to open `menu`."""
    button = QToolButton(text=text, toolTip=tip, popupMode=QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setMenu(menu)
    return button


def icon_button(name: str, tip: str, *, opens_menu: bool = False, **properties: Any) -> QToolButton:
    """A button that shows the icon `name` alone; a menu that it opens is empty at first."""
    button = QToolButton(toolTip=tip, accessibleName=tip.rstrip("…"), **properties)
    set_icon(button, name)
    if opens_menu:
        button.setMenu(QMenu(button))
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
    return button


def set_icon(action: QAction | QToolButton, name: str) -> None:
    """Give `action` an icon that follows the theme."""
    follow_theme(action, lambda _: action.setIcon(icon(name)))


class OpenTools(QObject):
    """Buttons of a tool bar that open an image: a dialog, the bundled samples, and how the file is used."""

    image_chosen = Signal(object)
    """The path that was chosen in the dialog."""
    sample_chosen = Signal(object)
    """The path of a bundled image."""
    is_lr_chosen = Signal(bool)
    """True: the image is low resolution and is upscaled as it is."""

    def __init__(self, bar: QToolBar) -> None:
        super().__init__(bar)
        self.samples = QMenu("Samples", bar, toolTipsVisible=True)
        self.samples.aboutToShow.connect(self._list_samples)
        opening = QToolButton(
            bar,
            text="Open",
            toolTip="Open an image, or drop one here; the arrow lists the bundled samples",
            toolButtonStyle=Qt.ToolButtonStyle.ToolButtonTextBesideIcon,
            popupMode=QToolButton.ToolButtonPopupMode.MenuButtonPopup,
        )
        opening.clicked.connect(self.ask)
        opening.setMenu(self.samples)
        set_icon(opening, "image-plus-outline")
        bar.addWidget(opening)
        bar.addSeparator()
        group = QActionGroup(bar)
        self._uses: dict[bool, QAction] = {}
        for is_lr, (text, tip) in USES.items():
            use = QAction(text, group, toolTip=tip, checkable=True, checked=not is_lr)
            use.triggered.connect(lambda _=False, is_lr=is_lr: self.is_lr_chosen.emit(is_lr))
            bar.addAction(use)
            self._uses[is_lr] = use

    def ask(self) -> None:
        if path := ask_image(self.parent()):
            self.image_chosen.emit(path)

    def show_is_lr(self, is_lr: bool) -> None:
        self._uses[is_lr].setChecked(True)

    def _list_samples(self) -> None:
        """Read the thumbnails when the menu is first opened."""
        self.samples.aboutToShow.disconnect(self._list_samples)
        try:
            paths = sample_images()
        except FakdError:
            self.samples.addAction("No samples found").setEnabled(False)
            return
        for path in paths:
            thumbnail = QPixmap(str(path)).scaled(
                THUMBNAIL, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            name, choose = path.stem.replace("_", " "), partial(self.sample_chosen.emit, path)
            self.samples.addAction(QIcon(thumbnail), name, choose)
