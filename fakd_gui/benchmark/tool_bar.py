"""The bars of the Benchmark workspace: the table's switches above it, ways out and in below."""

from __future__ import annotations

from collections.abc import Iterable

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

from fakd_core.assets import reference_results
from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation.published import SOURCE
from fakd_core.evaluation.report import Kind
from fakd_gui.benchmark.commands import COPIES
from fakd_gui.benchmark.runner import BenchmarkRunner, family_title
from fakd_gui.benchmark.state import BenchmarkState
from fakd_gui.widgets.actions import ActionTable, follow_action

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
    """Run, and what the table shows."""

    def __init__(self, state: BenchmarkState, actions: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = state
        self.choose_button = QToolButton()
        self.choose_button.setDefaultAction(actions["choose"])
        self.choose_button.setAutoRaise(True)
        self.choose_button.setAccessibleName("Models and sets")
        self.run_button = QPushButton("Run")
        self.run_button.setProperty("role", "primary")
        self.run_button.setAccessibleName("Measure the checked models on the checked sets")
        follow_action(self.run_button, actions["run"])
        self.teacher = self._combo("Teacher", "Model that Δ (dB) is relative to")
        self.baseline = self._combo(
            "Baseline", "Model where the gap begins: gap closed = (PSNR − baseline) / (teacher − baseline)"
        )
        self.teacher.activated.connect(lambda _: state.set_teacher(self.teacher.currentData()))
        self.baseline.activated.connect(lambda _: state.set_baseline(self.baseline.currentData()))
        columns_button = QToolButton()
        columns_button.setText("Columns")
        columns_button.setToolTip("Columns that are shown and copied")
        columns_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self)
        columns_button.setMenu(menu)
        self.columns = {kind: self._column_switch(menu, kind, label) for kind, label in OPTIONAL.items()}
        self.published = QCheckBox("Published")
        self.published.setToolTip(f"Show published scores in grey where set and scale match: {SOURCE}")
        self.published.setChecked(state.published_shown)
        self.published.toggled.connect(state.show_published)
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
        layout.addWidget(columns_button)
        layout.addWidget(self.published)
        state.view_changed.connect(self._show_view)
        for changed in (state.view_changed, state.report_changed, state.results_changed):
            changed.connect(self._list_models)
        self._list_models()

    def _show_view(self) -> None:
        for kind, switch in self.columns.items():
            switch.setChecked(kind in self.state.kinds)
        self.published.setChecked(self.state.published_shown)

    def _list_models(self) -> None:
        """List the rows of the report as teachers and baselines."""
        report = self.state.report
        rows = report.rows.values()
        teachers = [(row.label, row.ref) for row in rows if row.ref != BICUBIC]
        baselines = [(row.label, row.ref) for row in rows if row.ref != report.teacher]
        _fill(self.teacher, teachers, report.teacher)
        _fill(self.baseline, baselines, report.baseline)

    def _combo(self, name: str, tip: str) -> QComboBox:
        combo = QComboBox()
        combo.setAccessibleName(name)
        combo.setToolTip(tip)
        combo.setPlaceholderText("none")
        # It may be narrow in a narrow window; its list is as wide as it needs.
        combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        combo.setMinimumWidth(64)
        combo.setMaximumWidth(220)
        return combo

    def _column_switch(self, menu: QMenu, kind: Kind, label: str) -> QAction:
        switch = menu.addAction(label)
        switch.setCheckable(True)
        switch.setChecked(kind in self.state.kinds)
        switch.toggled.connect(lambda on: self.state.show_kind(kind, on))
        return switch


class OutputBar(QWidget):
    """Copy, save and open tables."""

    def __init__(self, actions: ActionTable, runner: BenchmarkRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.copy_button = QToolButton()
        self.copy_button.setText("Copy")
        self.copy_button.setToolTip("Copy the table as text, to paste into a paper, a page or a spreadsheet")
        self.copy_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        formats = QMenu(self)
        formats.addActions([actions[name] for name in COPIES.values()])
        self.copy_button.setMenu(formats)
        self.save_button = QPushButton("Save…")
        follow_action(self.save_button, actions["save"])
        actions["save"].enabledChanged.connect(self.copy_button.setEnabled)
        self.copy_button.setEnabled(actions["save"].isEnabled())
        self.open_button = QToolButton()
        self.open_button.setDefaultAction(actions["open"])
        self.open_button.setText("Open…")
        self.open_button.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        references = QMenu(self)
        references.addSection("Reference results")
        for family in reference_results():
            entry = references.addAction(family_title(family))
            entry.triggered.connect(lambda _=False, family=family: runner.open_reference(family))
        self.open_button.setMenu(references)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for button in (self.copy_button, self.save_button, self.open_button):
            layout.addWidget(button)


def _fill(combo: QComboBox, items: Iterable[tuple[str, str]], chosen: str) -> None:
    combo.clear()
    for label, ref in items:
        combo.addItem(label, ref)
    combo.setCurrentIndex(combo.findData(chosen))
    combo.setEnabled(combo.count() > 0)
