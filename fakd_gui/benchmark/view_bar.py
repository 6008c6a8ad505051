"""What the table shows: differences to whom, gaps from where, which columns, published figures or not."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation.published import SOURCE
from fakd_core.evaluation.report import Kind, Report
from fakd_gui.widgets.theme import Theme, follow_theme, icon

OPTIONAL = {
    Kind.PARAMETERS: "Parameters",
    Kind.GMACS: "GMACs",
    Kind.SSIM: "SSIM",
    Kind.DELTA: "Difference to the teacher",
    Kind.GAP: "Gap closed",
    Kind.SECONDS: "Time per image",
    Kind.METRIC: "Metrics of installed packages",
}


class ViewBar(QWidget):
    """Run, and the switches of the table. Each signal carries what was chosen."""

    teacher_chosen = Signal(str)
    baseline_chosen = Signal(str)
    kinds_chosen = Signal(list)
    published_switched = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choose_button = QToolButton()
        self.choose_button.setCheckable(True)
        self.choose_button.setChecked(True)
        self.choose_button.setAutoRaise(True)
        self.choose_button.setToolTip("Show or hide the models and sets to choose from")
        self.choose_button.setAccessibleName("Models and sets")
        self.run_button = QPushButton("Run")
        self.run_button.setProperty("role", "primary")
        self.run_button.setAccessibleName("Measure the ticked models on the ticked sets")
        self.teacher = self._combo("Teacher", "What differences (Δ, in dB) are measured to")
        self.baseline = self._combo(
            "Baseline", "Where the gap begins: gap closed = (PSNR − baseline) / (teacher − baseline)"
        )
        self.teacher.activated.connect(lambda _: self.teacher_chosen.emit(self.teacher.currentData()))
        self.baseline.activated.connect(lambda _: self.baseline_chosen.emit(self.baseline.currentData()))
        self.columns = QToolButton()
        self.columns.setText("Columns")
        self.columns.setToolTip("Which columns are shown and copied")
        self.columns.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self)
        self.columns.setMenu(self._menu)
        self.switches = {kind: self._switch(kind, label) for kind, label in OPTIONAL.items()}
        self.published = QCheckBox("Published")
        self.published.setToolTip(
            f"Published figures below ours, in grey, where set and scale match: {SOURCE}"
        )
        self.published.setChecked(True)
        self.published.toggled.connect(self.published_switched)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.choose_button)
        layout.addWidget(self.run_button)
        layout.addSpacing(6)
        for name, combo in (("Teacher", self.teacher), ("Baseline", self.baseline)):
            label = QLabel(name)
            label.setProperty("role", "muted")
            label.setBuddy(combo)
            layout.addWidget(label)
            layout.addWidget(combo, 100)
        layout.addStretch(1)
        layout.addWidget(self.columns)
        layout.addWidget(self.published)
        follow_theme(self, self._apply_theme)

    def offer(self, report: Report) -> None:
        """List the rows of `report` as teachers and baselines."""
        rows = report.rows.values()
        self._fill(self.teacher, [(row.label, row.ref) for row in rows if row.ref != BICUBIC], report.teacher)
        others = [(row.label, row.ref) for row in rows if row.ref != report.teacher]
        self._fill(self.baseline, others, report.baseline)

    def kinds(self) -> list[Kind]:
        return [kind for kind, switch in self.switches.items() if switch.isChecked()]

    def set_kinds(self, kinds: Iterable[str]) -> None:
        chosen = set(kinds)
        for kind, switch in self.switches.items():
            switch.blockSignals(True)
            switch.setChecked(kind in chosen)
            switch.blockSignals(False)
        self.kinds_chosen.emit(self.kinds())

    def _combo(self, name: str, tip: str) -> QComboBox:
        combo = QComboBox()
        combo.setAccessibleName(name)
        combo.setToolTip(tip)
        combo.setPlaceholderText("none")
        # Narrow windows leave it little room; the list below it has all it needs.
        combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        combo.setMinimumWidth(64)
        combo.setMaximumWidth(220)
        return combo

    def _fill(self, combo: QComboBox, items: Iterable[tuple[str, str]], chosen: str) -> None:
        combo.clear()
        for label, ref in items:
            combo.addItem(label, ref)
        combo.setCurrentIndex(combo.findData(chosen))
        combo.setEnabled(combo.count() > 0)

    def _switch(self, kind: Kind, label: str) -> QAction:
        switch = self._menu.addAction(label)
        switch.setCheckable(True)
        switch.setChecked(True)
        switch.toggled.connect(lambda _: self.kinds_chosen.emit(self.kinds()))
        return switch

    def _apply_theme(self, theme: Theme) -> None:
        self.choose_button.setIcon(icon("dock-left"))
        self.choose_button.setIconSize(QSize(18, 18))
