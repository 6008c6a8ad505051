"""The bars of the Benchmark workspace: the table's switches above it, ways out and in below."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from PySide6.QtCore import QMargins
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
from fakd_core.evaluation.report import Kind, Row
from fakd_gui.benchmark.commands import COPIES
from fakd_gui.benchmark.runner import BenchmarkRunner, family_title
from fakd_gui.benchmark.state import BenchmarkState
from fakd_gui.widgets.actions import ActionTable, follow_action
from fakd_gui.widgets.image_tools import drop_down_button
from fakd_gui.widgets.theme import with_role

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
        self.choose_button = QToolButton(autoRaise=True, accessibleName="Sets")
        self.choose_button.setDefaultAction(actions["choose"])
        self.run_button = with_role(QPushButton("Run"), "primary")
        follow_action(self.run_button, actions["run"])
        self.run_button.setAccessibleName("Measure the shown models on the checked sets")
        self.teacher = _model_box("Teacher", "Model that Δ (dB) is relative to")
        self.teacher.activated.connect(lambda _: state.set_teacher(self.teacher.currentData()))
        self.baseline = _model_box(
            "Baseline", "Model where the gap begins: gap closed = (PSNR − baseline) / (teacher − baseline)"
        )
        self.baseline.activated.connect(lambda _: state.set_baseline(self.baseline.currentData()))
        menu = QMenu(self)
        self.columns = {
            kind: QAction(label, menu, checkable=True, toggled=partial(state.show_kind, kind))
            for kind, label in OPTIONAL.items()
        }
        menu.addActions(list(self.columns.values()))
        self.published = QCheckBox("Published", toggled=state.show_published)
        self.published.setToolTip(f"Show published scores in grey where set and scale match: {SOURCE}")
        layout = QHBoxLayout(self, contentsMargins=QMargins(), spacing=6)
        layout.addWidget(self.choose_button)
        layout.addWidget(self.run_button)
        layout.addSpacing(6)
        for box in (self.teacher, self.baseline):
            label = with_role(QLabel(box.accessibleName()), "muted")
            label.setBuddy(box)
            layout.addWidget(label)
            layout.addWidget(box, 100)
        layout.addStretch(1)
        layout.addWidget(drop_down_button("Columns", "Columns that are shown and copied", menu))
        layout.addWidget(self.published)
        for changed in (state.view_changed, state.report_changed, state.results_changed):
            changed.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        """Follow the state."""
        for kind, switch in self.columns.items():
            switch.setChecked(kind in self.state.kinds)
        self.published.setChecked(self.state.published_shown)
        report = self.state.report
        rows = report.rows.values()
        _fill(self.teacher, (row for row in rows if row.ref != BICUBIC), report.teacher)
        _fill(self.baseline, (row for row in rows if row.ref != report.teacher), report.baseline)


class OutputBar(QWidget):
    """Copy, save and open tables."""

    def __init__(self, actions: ActionTable, runner: BenchmarkRunner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        formats, references = QMenu(self), QMenu(self)
        formats.addActions([actions[name] for name in COPIES.values()])
        references.addSection("Reference results")
        for family in reference_results():
            references.addAction(family_title(family), partial(runner.open_reference, family))
        tip = "Copy the table as text, to paste into a paper, a page or a spreadsheet"
        copy_button = drop_down_button("Copy", tip, formats)
        copy_button.setEnabled(actions["save"].isEnabled())
        actions["save"].enabledChanged.connect(copy_button.setEnabled)
        self.save_button = QPushButton("Save…")
        follow_action(self.save_button, actions["save"])
        self.open_button = QToolButton(popupMode=QToolButton.ToolButtonPopupMode.MenuButtonPopup)
        self.open_button.setDefaultAction(actions["open"])
        self.open_button.setText("Open…")
        self.open_button.setMenu(references)
        layout = QHBoxLayout(self, contentsMargins=QMargins(), spacing=6)
        for button in (copy_button, self.save_button, self.open_button):
            layout.addWidget(button)


def _model_box(name: str, tip: str) -> QComboBox:
    """A list of models, which may be narrow in a narrow window; its popup is as wide as it needs."""
    box = QComboBox(
        accessibleName=name, toolTip=tip, placeholderText="none", minimumWidth=64, maximumWidth=220
    )
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return box


def _fill(box: QComboBox, rows: Iterable[Row], chosen: str) -> None:
    box.clear()
    for row in rows:
        box.addItem(row.label, row.ref)
    box.setCurrentIndex(box.findData(chosen))
    box.setEnabled(box.count() > 0)
