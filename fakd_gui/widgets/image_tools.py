"""Tool bar groups that Compare and Inspect share: opening an image, and looking at it."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QIcon, QPixmap
from PySide6.QtWidgets import QComboBox, QMenu, QToolBar, QToolButton, QWidget

from fakd_core.data.folders import sample_images
from fakd_core.errors import FakdError
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


class OpenTools(QObject):
    """Buttons of a tool bar that open an image: a dialog, the bundled samples, and how the file is used."""

    open_clicked = Signal()
    sample_chosen = Signal(object)
    """The path of a bundled image."""
    is_lr_chosen = Signal(bool)
    """True: the image is low resolution and is upscaled as it is."""

    def __init__(self, bar: QToolBar) -> None:
        super().__init__(bar)
        self.samples = QMenu("Samples", bar)
        self.samples.setToolTipsVisible(True)
        self.samples.aboutToShow.connect(self._list_samples)
        opening = QToolButton(bar)
        opening.setText("Open")
        opening.setToolTip("Open an image, or drop one here; the arrow lists the bundled samples")
        opening.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        opening.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        opening.setMenu(self.samples)
        opening.clicked.connect(self.open_clicked)
        set_icon(opening, "image-plus-outline")
        bar.addWidget(opening)
        bar.addSeparator()
        self._as_hr, self._as_lr = bar.addAction("HR"), bar.addAction("LR")
        self._as_hr.setToolTip(
            "The image is ground truth: it is downscaled by MATLAB's bicubic first,\n"
            "so that every result can be measured against it"
        )
        self._as_lr.setToolTip(
            "The image is low resolution: upscale it as it is (nothing to measure against)"
        )
        group = QActionGroup(bar)
        for action, is_lr in ((self._as_hr, False), (self._as_lr, True)):
            action.setCheckable(True)
            group.addAction(action)
            action.triggered.connect(lambda _=False, is_lr=is_lr: self.is_lr_chosen.emit(is_lr))
        self.show_is_lr(False)

    def show_is_lr(self, is_lr: bool) -> None:
        """Check the button of how images are used now."""
        (self._as_lr if is_lr else self._as_hr).setChecked(True)

    def _list_samples(self) -> None:
        """Read the thumbnails when the menu is first opened."""
        self.samples.aboutToShow.disconnect(self._list_samples)
        try:
            paths = sample_images()
        except FakdError:
            self.samples.addAction("No samples found").setEnabled(False)
            return
        for path in paths:
            action = self.samples.addAction(QIcon(_thumbnail(path)), path.stem.replace("_", " "))
            action.triggered.connect(lambda _=False, path=path: self.sample_chosen.emit(path))


def _thumbnail(path: Path) -> QPixmap:
    return QPixmap(str(path)).scaled(
        THUMBNAIL, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    )


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
