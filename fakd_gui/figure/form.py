"""The form of a figure: the few settings that matter."""

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
MODELS_TIP = "Check what is shown, drag to reorder, double-click to rename"
_REF = Qt.ItemDataRole.UserRole


class FigureForm(QWidget):
    """Edits a figure's spec; what has no row in the form is kept."""

    changed = Signal()

    def __init__(self, spec: FigureSpec, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._base = spec
        self._form = QFormLayout(self)
        self._form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self.models = QListWidget()
        self.models.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.models.setMaximumHeight(150)
        self.models.itemChanged.connect(self.changed)
        self.models.model().rowsMoved.connect(self.changed)
        if isinstance(spec, CropFigure):
            self._add_crop_rows(spec)
        else:
            self._add_affinity_rows(spec)
        self.page_width = self._add_number("Width", spec.width, (20, 1000), tip="The page's width", unit="mm")
        self.dpi = self._add_number(
            "Resolution", spec.dpi, (50, 1200), tip="Dots per inch of a PNG", unit="dpi"
        )
        self.font_size = self._add_number(
            "Font size", spec.font_size, (3, 30), tip="In points", unit="pt", decimals=1
        )
        self.font_choice = self._add_combo("Font", ["sans", "serif"], "Serif suits papers set in Times")

    def spec(self) -> FigureSpec:
        """The figure that the form describes. Raises `ConfigError` with the reason if it can't be drawn."""
        values: dict[str, Any] = {
            **dict(self._base),
            "width": self.page_width.value(),
            "dpi": int(self.dpi.value()),
            "font_size": self.font_size.value(),
            "font": self.font_choice.currentText(),
        }
        models = self._checked_models()
        if isinstance(self._base, AffinityFigure):
            values |= {
                "students": models,
                "difference_range": self.difference_range.value(),
                "opacity": self.opacity.value(),
            }
            return AffinityFigure.build(**values)
        values |= {
            "models": models,
            "regions": self._regions(),
            "columns": int(self.columns.value()) or None,
            "metrics_of": self.metrics_of.currentData(),
        }
        if self._base.image_is == "hr":
            values["metrics"] = METRICS[self.metrics.currentText()]
        return CropFigure.build(**values)

    def _add_crop_rows(self, spec: CropFigure) -> None:
        self._list_models(spec.models)
        self._add_row("Models", self.models, MODELS_TIP)
        self.regions = QLineEdit("; ".join(", ".join(map(str, box)) for box in spec.regions))
        self.regions.textEdited.connect(self.changed)
        self._add_row("Regions", self.regions, "x, y, width, height in HR pixels; semicolons between several")
        self.columns = self._add_number("Columns", spec.columns or 0, (0, 24), tip="Crops side by side")
        self.columns.setSpecialValueText("auto")
        self.metrics = self._add_combo("Scores", list(METRICS), "PSNR in dB and SSIM, on luma")
        self.metrics.setEnabled(spec.image_is == "hr")
        self.metrics_of = self._add_combo("Scores of", [], "Papers give those of the whole image")
        self.metrics_of.addItem("the whole image", "image")
        self.metrics_of.addItem("the crop", "crop")

    def _add_affinity_rows(self, spec: AffinityFigure) -> None:
        self._list_models(spec.students)
        self._add_row("Students", self.models, MODELS_TIP)
        tip = "Limit of the differences' colours: from minus this to this"
        self.difference_range = self._add_number(
            "Differences", spec.difference_range, (0.05, 2), tip=tip, decimals=2
        )
        self.opacity = self._add_number(
            "Opacity", spec.opacity, (0, 1), tip="Opacity of the maps over the image", decimals=2
        )

    def _list_models(self, models: tuple[FigureModel, ...]) -> None:
        for model in models:
            item = QListWidgetItem(model.name)
            item.setData(_REF, model.ref)
            item.setToolTip(model.ref)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            item.setCheckState(Qt.CheckState.Checked)
            self.models.addItem(item)

    def _checked_models(self) -> tuple[FigureModel, ...]:
        models = []
        for item in map(self.models.item, range(self.models.count())):
            if item.checkState() == Qt.CheckState.Checked:
                model, name = FigureModel.build(ref=str(item.data(_REF))), item.text().strip()
                models.append(FigureModel.build(ref=model.ref, label="" if name == model.name else name))
        if not models:
            raise ConfigError("check at least one model")
        return tuple(models)

    def _regions(self) -> tuple[tuple[int, ...], ...]:
        parts = [part for part in self.regions.text().split(";") if part.strip()]
        try:
            regions = tuple(tuple(int(number) for number in part.split(",")) for part in parts)
        except ValueError:
            regions = ()
        if not regions or any(len(region) != 4 or min(region[2:]) < 1 for region in regions):
            raise ConfigError("regions: must be x, y, width, height in whole HR pixels, as 40, 30, 64, 48")
        return regions

    def _add_row(self, label: str, widget: QWidget, tip: str) -> None:
        widget.setToolTip(tip)
        widget.setAccessibleName(label)
        self._form.addRow(label, widget)

    def _add_number(
        self,
        label: str,
        value: float,
        bounds: tuple[float, float],
        *,
        tip: str = "",
        unit: str = "",
        decimals: int = 0,
    ) -> QDoubleSpinBox:
        box = QDoubleSpinBox()
        box.setDecimals(decimals)
        box.setRange(*bounds)
        box.setSingleStep(1 if bounds[1] > 2 else 0.05)
        box.setSuffix(f" {unit}" if unit else "")
        box.setValue(value)
        box.valueChanged.connect(self.changed)
        self._add_row(label, box, tip)
        return box

    def _add_combo(self, label: str, texts: list[str], tip: str) -> QComboBox:
        combo = QComboBox()
        combo.addItems(texts)
        combo.currentIndexChanged.connect(self.changed)
        self._add_row(label, combo, tip)
        return combo
