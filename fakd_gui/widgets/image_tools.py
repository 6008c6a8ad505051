"""Tool bar groups that Compare and Inspect share: opening an image, and looking at it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QActionGroup, QIcon, QPixmap
from PySide6.QtWidgets import QMenu, QToolBar, QToolButton, QWidget

from fakd_gui.theme import Theme, follow_theme, icon
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.image_opener import ImageOpener, sample_paths

THUMBNAIL = QSize(56, 40)


def make_tool_bar(parent: QWidget) -> QToolBar:
    bar = QToolBar(parent)
    bar.setIconSize(QSize(18, 18))
    bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    more = bar.findChild(QToolButton, "qt_toolbar_ext_button")
    if more is not None:
        # The style's own arrow is black on the dark theme.
        set_icon(more, "chevron-double-right")
    return bar


def menu_button(bar: QToolBar, text: str, icon_name: str, tip: str, menu: QMenu) -> QToolButton:
    """A button on `bar` that opens `menu`."""
    button = QToolButton(bar)
    button.setText(f"{text} ▾")
    button.setToolTip(tip)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
    button.setMenu(menu)
    set_icon(button, icon_name)
    bar.addWidget(button)
    return button


def set_icon(action: QAction | QToolButton, name: str) -> None:
    """Give `action` an icon that follows the theme."""

    def apply(theme: Theme) -> None:
        action.setIcon(icon(name))

    follow_theme(action, apply)


def samples_menu(opener: ImageOpener, parent: QWidget) -> QMenu:
    """The bundled samples with thumbnails, read when the menu is first opened."""
    menu = QMenu("Samples", parent)
    menu.setToolTipsVisible(True)

    def fill() -> None:
        if not menu.isEmpty():
            return
        for path in sample_paths():
            action = menu.addAction(path.stem.replace("_", " "))
            thumbnail = QPixmap(str(path)).scaled(
                THUMBNAIL, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            action.setIcon(QIcon(thumbnail))
            action.triggered.connect(lambda _=False, chosen=path: opener.open(chosen))
        if menu.isEmpty():
            menu.addAction("No samples found").setEnabled(False)

    menu.aboutToShow.connect(fill)
    return menu


def add_open_tools(bar: QToolBar, opener: ImageOpener) -> None:
    """Open image..., samples, and whether it is reduced first or upscaled as it is."""
    opening = QToolButton(bar)
    opening.setText("Open")
    opening.setToolTip("Open an image, or drop one here; the arrow lists the bundled samples")
    opening.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    opening.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
    opening.setMenu(samples_menu(opener, opening))
    opening.clicked.connect(lambda: opener.choose(bar))
    set_icon(opening, "image-plus-outline")
    bar.addWidget(opening)
    bar.addSeparator()
    group = QActionGroup(bar)
    as_hr = bar.addAction("HR")
    as_hr.setToolTip(
        "The image is ground truth: it is reduced by MATLAB's bicubic first,\n"
        "so that every result can be measured against it"
    )
    as_lr = bar.addAction("LR")
    as_lr.setToolTip("The image is low resolution: upscale it as it is (nothing to measure against)")
    for action, is_lr in ((as_hr, False), (as_lr, True)):
        action.setCheckable(True)
        action.setChecked(opener.is_lr is is_lr)
        group.addAction(action)
        action.triggered.connect(lambda _=False, mode=is_lr: opener.set_mode(mode))

    def show_mode(is_lr: bool) -> None:
        (as_lr if is_lr else as_hr).setChecked(True)

    opener.mode_changed.connect(show_mode)


def navigate(camera: Camera, key: int) -> bool:
    """Zoom by +, - and 0 or F (fit); False for another key."""
    if key in (Qt.Key.Key_0, Qt.Key.Key_F):
        camera.fit()
    elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
        camera.zoom_to(camera.zoom * 1.25, camera.middle)
    elif key == Qt.Key.Key_Minus:
        camera.zoom_to(camera.zoom / 1.25, camera.middle)
    else:
        return False
    return True


def add_view_tools(bar: QToolBar, camera: Camera) -> None:
    """Fit, 100 %, 200 %, and how enlarged pixels are drawn."""
    fit = bar.addAction("Fit")
    fit.setToolTip("Show the whole image (double click)")
    fit.triggered.connect(camera.fit)
    for percent in (100, 200):
        action = bar.addAction(f"{percent} %")
        action.setToolTip(f"One HR pixel on {percent // 100}x{percent // 100} pixels of the screen")
        action.triggered.connect(lambda _=False, value=percent: camera.set_percent(value))
    smooth = bar.addAction("Smooth")
    smooth.setCheckable(True)
    smooth.setChecked(camera.smooth)
    smooth.setToolTip("Interpolate enlarged pixels; off: every pixel is a crisp square")
    smooth.toggled.connect(camera.set_smooth)
