"""The form of a figure: the few settings that matter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
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
from fakd_gui.session.run_folders import follow_run

METRICS = {"PSNR and SSIM": ("PSNR", "SSIM"), "PSNR": ("PSNR",), "SSIM": ("SSIM",), "none": ()}
_REF = Qt.ItemDataRole.UserRole


class FigureForm(QWidget):
    """Edits a figure's spec; what has no row in the form is kept."""

    changed = Signal()

    def __init__(self, spec: FigureSpec, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._base = spec
        self._form = QFormLayout(self, rowWrapPolicy=QFormLayout.RowWrapPolicy.WrapLongRows)
        self.numbers: dict[str, QDoubleSpinBox] = {}
        self._choices: dict[str, QComboBox] = {}
        self.models = QListWidget(dragDropMode=QListWidget.DragDropMode.InternalMove, maximumHeight=150)
        for model in spec.models if isinstance(spec, CropFigure) else spec.students:
            item = QListWidgetItem(model.name, self.models)
            item.setData(_REF, model.ref)
            item.setToolTip(model.ref)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
            item.setCheckState(Qt.CheckState.Checked)
        self.models.itemChanged.connect(self.changed)
        self.models.model().rowsMoved.connect(self.changed)
        role = "Models" if isinstance(spec, CropFigure) else "Students"
        self._add_row(role, self.models, "Check what is shown, drag to reorder, double-click to rename")
        if isinstance(spec, CropFigure):
            boxes = "; ".join(", ".join(map(str, box)) for box in spec.regions)
            self.regions = QLineEdit(boxes, acceptDrops=False)
            self.regions.textEdited.connect(self.changed)
            tip = "x, y, width, height in HR pixels; semicolons between several"
            self._add_row("Regions", self.regions, tip)
            self._add_number("columns", "Columns", (0, 24), "Crops side by side", specialValueText="auto")
            metrics = self._add_choice("metrics", "Scores", METRICS, "PSNR in dB and SSIM, on luma")
            metrics.setEnabled(spec.image_is == "hr")
            measured = {"the whole image": "image", "the crop": "crop"}
            tip = "Papers give those of the whole image"
            self._add_choice("metrics_of", "Scores of", measured, tip)
        else:
            tip = "Limit of the differences' colours: from minus this to this"
            self._add_number("difference_range", "Differences", (0.05, 2), tip, decimals=2)
            self._add_number("opacity", "Opacity", (0, 1), "Opacity of the maps over the image", decimals=2)
        self._add_number("width", "Width", (20, 1000), "The page's width", suffix=" mm")
        self._add_number("dpi", "Resolution", (50, 1200), "Dots per inch of a PNG", suffix=" dpi")
        self._add_number("font_size", "Font size", (3, 30), "In points", suffix=" pt", decimals=1)
        fonts = {"sans": "sans", "serif": "serif"}
        self._add_choice("font", "Font", fonts, "Serif suits papers set in Times")

    def spec(self) -> FigureSpec:
        """The figure that the form describes. Raises `ConfigError` with the reason if it can't be drawn."""
        values: dict[str, Any] = {
            **dict(self._base),
            **{name: box.value() for name, box in self.numbers.items()},
            **{name: box.currentData() for name, box in self._choices.items() if box.isEnabled()},
        }
        models = self._checked_models()
        if isinstance(self._base, CropFigure):
            columns = values["columns"] or None
            values |= {"models": models, "regions": self._regions(), "columns": columns}
        else:
            values["students"] = models
        return type(self._base).build(**values)

    def move_run(self, run: Path, to: Path | None) -> None:
        """Follow a run that was renamed; a figure of one that is gone says so when it is drawn."""
        if to is None:
            return
        for item in map(self.models.item, range(self.models.count())):
            before = FigureModel.build(ref=str(item.data(_REF)))
            after = FigureModel.build(ref=follow_run(before.ref, run, to))
            if after != before:
                item.setData(_REF, after.ref)
                item.setToolTip(after.ref)
                if item.text() == before.name:
                    item.setText(after.name)
        if isinstance(self._base, AffinityFigure):
            teacher = self._base.teacher
            moved = teacher.model_copy(update={"ref": follow_run(teacher.ref, run, to)})
            self._base = self._base.model_copy(update={"teacher": moved})
            self.changed.emit()

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

    def _add_number(self, name: str, label: str, bounds: tuple[float, float], tip: str, **more: Any) -> None:
        low, high = bounds
        box = self.numbers[name] = QDoubleSpinBox(**{"decimals": 0, **more}, minimum=low, maximum=high)
        box.setSingleStep(1 if high > 2 else 0.05)
        box.setValue(getattr(self._base, name) or 0)
        box.valueChanged.connect(self.changed)
        self._add_row(label, box, tip)

    def _add_choice(self, name: str, label: str, values: Mapping[str, object], tip: str) -> QComboBox:
        box = self._choices[name] = QComboBox()
        for text, value in values.items():
            box.addItem(text, value)
        box.currentIndexChanged.connect(self.changed)
        self._add_row(label, box, tip)
        return box
