"""Tool bar groups that Compare and Inspect share: opening an image, and looking at it."""

from __future__ import annotations

import re

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QActionGroup, QIcon, QPixmap
from PySide6.QtWidgets import QComboBox, QMenu, QToolBar, QToolButton, QWidget

from fakd_gui.session.image_opener import ImageOpener, sample_paths
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.theme import Theme, follow_theme, icon

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
    """The bundled samples with thumbnails, read when the menu is first opened; others may add to it."""
    menu = QMenu("Samples", parent)
    menu.setToolTipsVisible(True)
    filled = False

    def fill() -> None:
        nonlocal filled
        if filled:
            return
        filled = True
        for path in sample_paths():
            action = menu.addAction(path.stem.replace("_", " "))
            thumbnail = QPixmap(str(path)).scaled(
                THUMBNAIL, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            action.setIcon(QIcon(thumbnail))
            action.triggered.connect(lambda _=False, chosen=path: opener.open(chosen))
        if not sample_paths():
            menu.addAction("No samples found").setEnabled(False)

    menu.aboutToShow.connect(fill)
    return menu


def add_open_tools(bar: QToolBar, opener: ImageOpener) -> QMenu:
    """Open image..., samples, and whether it is reduced first or upscaled as it is; the samples' menu."""
    opening = QToolButton(bar)
    opening.setText("Open")
    opening.setToolTip("Open an image, or drop one here; the arrow lists the bundled samples")
    opening.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    opening.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
    samples = samples_menu(opener, opening)
    opening.setMenu(samples)
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
    return samples


def navigate(camera: Camera, key: int) -> bool:
    """Zoom by +, -, Z (1:1) and 0 or F (fit), N: crisp or smooth; False for another key."""
    if key in (Qt.Key.Key_0, Qt.Key.Key_F):
        camera.fit()
    elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
        camera.step(1, camera.anchor)
    elif key == Qt.Key.Key_Minus:
        camera.step(-1, camera.anchor)
    elif key == Qt.Key.Key_Z:
        camera.toggle_full_size(camera.anchor)
    elif key == Qt.Key.Key_N:
        camera.set_smooth(not camera.smooth)
    else:
        return False
    return True


VIEW_KEYS = (
    ("0, F", "show the whole image"),
    ("Z", "one pixel of the image on one of the screen, and back"),
    ("+, −, wheel", "zoom in steps, at the mouse"),
    ("N", "enlarged pixels crisp or smooth"),
)


class ZoomBox(QComboBox):
    """The zoom in percent: read, chosen or typed."""

    CHOICES = (25, 50, 100, 200, 400, 800, 1600)

    def __init__(self, camera: Camera, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._camera = camera
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setCompleter(None)  # type: ignore[arg-type]
        self.setAccessibleName("Zoom in percent")
        self.setToolTip("Zoom in percent: 100 % shows one HR pixel on one pixel of the screen")
        for percent in self.CHOICES:
            self.addItem(f"{percent} %")
        edit = self.lineEdit()
        assert edit is not None
        edit.setAcceptDrops(False)
        edit.setMaxLength(9)
        self.setFixedWidth(self.fontMetrics().horizontalAdvance("6400 %") + 44)
        edit.returnPressed.connect(lambda: self._take(edit.text()))
        self.textActivated.connect(self._choose)
        self.setCurrentIndex(-1)
        edit.editingFinished.connect(self._show)
        camera.changed.connect(self._show)
        self._show()

    def _choose(self, text: str) -> None:
        # Qt announces what stands in the field, too, when the field loses the focus.
        if self.findText(text) >= 0:
            self._take(text)

    def _take(self, text: str) -> None:
        """Zoom to what was chosen or typed; what is no number changes nothing."""
        found = re.search(r"\d+(?:[.,]\d+)?", text)
        if found is not None and float(found[0].replace(",", ".")) > 0:
            self._camera.set_percent(float(found[0].replace(",", ".")))
        # With an item chosen, Return in the field would choose that item once more.
        self.setCurrentIndex(-1)
        self._show()
        # The keys that act on the picture are typed next: they go to the panel that owns the camera.
        panel = self._camera.parent()
        if isinstance(panel, QWidget):
            panel.setFocus()

    def _show(self) -> None:
        edit = self.lineEdit()
        if edit is not None and not (edit.hasFocus() and edit.isModified()):
            percent = self._camera.percent
            edit.setText(f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %")


def add_view_tools(bar: QToolBar, camera: Camera) -> None:
    """Fit, 1:1, the zoom to read or type, and how enlarged pixels are drawn."""
    fit = bar.addAction("Fit")
    fit.setToolTip("Show the whole image (0, F or double click)")
    fit.triggered.connect(camera.fit)
    full = bar.addAction("1:1")
    full.setToolTip("One HR pixel on one pixel of the screen (Z)")
    full.triggered.connect(lambda: camera.set_percent(100))
    bar.addWidget(ZoomBox(camera, bar))
    smooth = bar.addAction("Smooth")
    smooth.setCheckable(True)
    smooth.setChecked(camera.smooth)
    smooth.setToolTip("Interpolate enlarged pixels; off: every pixel is a crisp square (N)")
    smooth.toggled.connect(camera.set_smooth)
    camera.changed.connect(lambda: smooth.setChecked(camera.smooth))
