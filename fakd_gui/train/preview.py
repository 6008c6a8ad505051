"""The validation crop as it improves: bicubic, student, teacher and ground truth beside one another."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from fakd_core.events import Image8, Preview
from fakd_gui.convert import qpixmap_from_array
from fakd_gui.theme import current_theme

PSNR_BORDER = 4
"""HR pixels left out on every side of the crop's PSNR: the scale of the usual run."""


class CropView(QWidget):
    """The middle of a picture, never reduced: detail is what it is looked at for.

    Enlarged by whole multiples, so that pixels stay square.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pixmap = QPixmap()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(72, 72)

    def sizeHint(self) -> QSize:
        return QSize(180, 180)

    @property
    def empty(self) -> bool:
        return self._pixmap.isNull()

    def show_image(self, image: Image8 | None) -> None:
        self._pixmap = QPixmap() if image is None else qpixmap_from_array(image)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._pixmap.isNull():
            painter.fillRect(self.rect(), QColor(current_theme().panel))
            return
        ratio = self.devicePixelRatioF()
        room = min(self.width() / self._pixmap.width(), self.height() / self._pixmap.height()) * ratio
        factor = max(1, round(room)) / ratio
        size = QSize(round(self._pixmap.width() * factor), round(self._pixmap.height() * factor))
        corner = QPoint((self.width() - size.width()) // 2, (self.height() - size.height()) // 2)
        painter.drawPixmap(QRect(corner, size), self._pixmap)


class PreviewRow(QWidget):
    """Four crops with their names and PSNR."""

    NAMES = ("bicubic", "student", "teacher", "HR")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.crops = {name: CropView() for name in self.NAMES}
        self.labels = {
            name: QLabel(f"{name}\n", alignment=Qt.AlignmentFlag.AlignCenter) for name in self.NAMES
        }
        self._preview: Preview | None = None
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(8)
        layout.setVerticalSpacing(2)
        for column, name in enumerate(self.NAMES):
            self.labels[name].setProperty("role", "muted")
            # Four equal columns, whatever the labels say.
            self.labels[name].setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            layout.addWidget(self.labels[name], 0, column)
            layout.addWidget(self.crops[name], 1, column)
            layout.setColumnStretch(column, 1)
        layout.setRowStretch(1, 1)

    def clear(self) -> None:
        self._preview = None
        for name in self.NAMES:
            self.crops[name].show_image(None)
            self.labels[name].setText(f"{name}\n")

    def begin(self, preview: Preview) -> None:
        """Show what stays the same during the run."""
        self.clear()
        self._preview = preview
        self._show("bicubic", preview.bicubic)
        self._show("teacher", preview.teacher)
        self._show("HR", preview.hr)

    def show_student(self, image: Image8, step: int) -> None:
        self._show("student", image)
        self.labels["student"].setToolTip(f"After step {step:,}")

    def _show(self, name: str, image: Image8 | None) -> None:
        # Imported here, with a run under way: it brings scikit-image with it.
        from fakd_core.metrics import psnr_y

        assert self._preview is not None
        self.crops[name].show_image(image)
        label = self.labels[name]
        if image is None or name == "HR":
            label.setText("no teacher\n" if image is None else f"HR\n{self._preview.name}")
            return
        label.setText(f"{name}\n{psnr_y(image, self._preview.hr, PSNR_BORDER):.2f} dB")
        label.setToolTip("PSNR of this crop, on luma")
