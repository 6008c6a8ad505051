"""The few choices that matter for a figure, as a form."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QSpinBox,
    QWidget,
)

from fakd_core.errors import ConfigError
from fakd_core.figures.spec import AffinityFigure, CropFigure, FigureModel, FigureSpec

METRICS: dict[str, tuple[str, ...]] = {
    "PSNR and SSIM": ("PSNR", "SSIM"),
    "PSNR": ("PSNR",),
    "SSIM": ("SSIM",),
    "none": (),
}
_REF = Qt.ItemDataRole.UserRole


class Choices(QWidget):
    """`changed` comes with every edit; `recipe` reads the form."""

    changed = Signal()

    def __init__(self, recipe: FigureSpec, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._base = recipe
        self._form = QFormLayout(self)
        self._form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self.models = self._list()
        if isinstance(recipe, CropFigure):
            self._add_crop_rows(recipe)
        else:
            self._add_affinity_rows(recipe)
        self.width_mm = self._number("Width", recipe.width, 20, 1000, "mm", "The page's width, in mm", 0)
        self.dpi = self._whole("Resolution", recipe.dpi, 50, 1200, "dpi", "Dots per inch of a PNG")
        self.font_size = self._number("Font size", recipe.font_size, 3, 30, "pt", "In points", 1)
        self.font_choice = self._combo("Font", ["sans", "serif"], "Serif suits papers set in Times")

    def recipe(self) -> FigureSpec:
        """What the form says. Raises `ConfigError` with the reason if no figure can be made of it."""
        values: dict[str, Any] = {
            **dict(self._base),
            "width": self.width_mm.value(),
            "dpi": self.dpi.value(),
            "font_size": self.font_size.value(),
            "font": self.font_choice.currentText(),
        }
        shown = self._checked()
        if isinstance(self._base, CropFigure):
            values["models"] = shown
            values["regions"] = self._regions()
            values["columns"] = self.columns.value() or None
            if self._base.image_is == "hr":
                values["metrics"] = METRICS[self.metrics.currentText()]
            values["metrics_of"] = self.metrics_of.currentData()
            return CropFigure.build(**values)
        values["students"] = shown
        values["difference_range"] = self.difference.value()
        values["opacity"] = self.opacity.value()
        return AffinityFigure.build(**values)

    def _add_crop_rows(self, recipe: CropFigure) -> None:
        self._fill(recipe.models)
        self._row("Models", self.models, "Tick what is shown, drag to reorder, double-click to rename")
        self.regions = QLineEdit("; ".join(", ".join(map(str, box)) for box in recipe.regions))
        self.regions.textEdited.connect(self.changed)
        self._row("Regions", self.regions, "x, y, width, height in HR pixels; several apart by semicolons")
        self.columns = self._whole("Columns", recipe.columns or 0, 0, 24, "", "Crops beside one another")
        self.columns.setSpecialValueText("auto")
        self.metrics = self._combo("Scores", list(METRICS), "PSNR in dB and SSIM, on luma")
        self.metrics.setEnabled(recipe.image_is == "hr")
        self.metrics_of = self._combo("Scores of", [], "Papers give those of the whole image")
        self.metrics_of.addItem("the whole image", "image")
        self.metrics_of.addItem("the crop", "crop")

    def _add_affinity_rows(self, recipe: AffinityFigure) -> None:
        self._fill(recipe.students)
        self._row("Students", self.models, "Tick what is shown, drag to reorder, double-click to rename")
        what = "The differences' colours go from minus this to this"
        self.difference = self._number("Differences", recipe.difference_range, 0.05, 2, "", what, 2)
        self.opacity = self._number("Opacity", recipe.opacity, 0, 1, "", "Of the maps over the image", 2)

    def _list(self) -> QListWidget:
        models = QListWidget()
        models.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        models.setMaximumHeight(150)
        models.itemChanged.connect(self.changed)
        models.model().rowsMoved.connect(self.changed)
        return models

    def _fill(self, entries: tuple[FigureModel, ...]) -> None:
        for shown in entries:
            item = QListWidgetItem(shown.name)
            item.setData(_REF, shown.ref)
            item.setToolTip(shown.ref)
            item.setFlags(
                Qt.ItemFlag.ItemIsEnabled
                | Qt.ItemFlag.ItemIsSelectable
                | Qt.ItemFlag.ItemIsEditable
                | Qt.ItemFlag.ItemIsDragEnabled
                | Qt.ItemFlag.ItemIsUserCheckable
            )
            item.setCheckState(Qt.CheckState.Checked)
            self.models.addItem(item)

    def _checked(self) -> tuple[FigureModel, ...]:
        shown = []
        for row in range(self.models.count()):
            item = self.models.item(row)
            if item.checkState() == Qt.CheckState.Checked:
                ref, name = str(item.data(_REF)), item.text().strip()
                own = name if name != FigureModel.build(ref=ref).name else ""
                shown.append(FigureModel.build(ref=ref, label=own))
        if not shown:
            raise ConfigError("tick at least one model")
        return tuple(shown)

    def _regions(self) -> tuple[tuple[int, ...], ...]:
        parts = [part for part in self.regions.text().split(";") if part.strip()]
        try:
            found = tuple(tuple(int(number) for number in part.split(",")) for part in parts)
        except ValueError:
            found = ()
        if not found or any(len(region) != 4 or min(region[2:]) < 1 for region in found):
            raise ConfigError("regions: must be x, y, width, height in whole HR pixels, as 40, 30, 64, 48")
        return found

    def _row(self, label: str, widget: QWidget, tip: str) -> None:
        widget.setToolTip(tip)
        widget.setAccessibleName(label)
        self._form.addRow(label, widget)

    def _number(
        self, label: str, value: float, low: float, high: float, unit: str, tip: str, decimals: int
    ) -> QDoubleSpinBox:
        box = QDoubleSpinBox()
        box.setDecimals(decimals)
        box.setRange(low, high)
        box.setSingleStep(1 if high > 2 else 0.05)
        box.setSuffix(f" {unit}" if unit else "")
        box.setValue(value)
        box.valueChanged.connect(self.changed)
        self._row(label, box, tip)
        return box

    def _whole(self, label: str, value: int, low: int, high: int, unit: str, tip: str) -> QSpinBox:
        box = QSpinBox()
        box.setRange(low, high)
        box.setSuffix(f" {unit}" if unit else "")
        box.setValue(value)
        box.valueChanged.connect(self.changed)
        self._row(label, box, tip)
        return box

    def _combo(self, label: str, texts: list[str], tip: str) -> QComboBox:
        combo = QComboBox()
        combo.addItems(texts)
        combo.currentIndexChanged.connect(self.changed)
        self._row(label, combo, tip)
        return combo
