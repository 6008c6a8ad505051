"""Rows of a form: a label, a widget, and below them a problem or a fact."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QMargins, Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from fakd_gui.widgets.elided_label import wrapped_label
from fakd_gui.widgets.theme import Theme, follow_theme, icon, restyle, with_role

WIDEST_LABEL = "Validate every"
"""The column of labels has its width in every section, so that the fields line up."""


class Field:
    """A labelled widget with a note below it: a problem, or else a fact."""

    def __init__(self, label: QLabel, widget: QWidget, *, tip: str, marked: Sequence[QWidget]) -> None:
        self.label = label
        self.widget = widget
        self.note = wrapped_label(
            textFormat=Qt.TextFormat.PlainText,
            textInteractionFlags=Qt.TextInteractionFlag.TextSelectableByMouse,
        )
        self.problem = ""
        self._tip = tip
        self._marked = marked
        for part in (widget, *marked):
            if label.text():
                part.setAccessibleName(label.text().replace("&", ""))
            part.setAccessibleDescription(tip)
        self.show_note()

    def show_note(self, problem: str = "", *, fact: str = "", is_shown_elsewhere: bool = False) -> None:
        """Mark the widget if there is a `problem`, and show that or else `fact`.

        A problem that a part of the widget shows already `is_shown_elsewhere`.
        """
        self.problem = problem
        text = "" if is_shown_elsewhere else problem or fact
        self.note.setText(text)
        self.note.setVisible(bool(text))
        restyle(self.note, role="error" if problem else "muted")
        for marked in self._marked:
            restyle(marked, invalid=bool(problem))
        for part in (self.widget, self.label):
            part.setToolTip("\n\n".join(filter(None, (self._tip, problem))))


class Section(QWidget):
    """Rows in two columns, below a heading if there is a title."""

    def __init__(self, title: str = "") -> None:
        super().__init__()
        self.rows = QWidget()
        self._grid = QGridLayout(
            self.rows, contentsMargins=QMargins(), horizontalSpacing=8, verticalSpacing=4
        )
        self._grid.setColumnMinimumWidth(0, self.fontMetrics().horizontalAdvance(WIDEST_LABEL))
        self._grid.setColumnStretch(1, 1)
        self._layout = QVBoxLayout(self, contentsMargins=QMargins(), spacing=6)
        if title:
            self._layout.addWidget(with_role(QLabel(title), "heading"))
        self._layout.addWidget(self.rows)

    def add(
        self,
        label: str,
        widget: QWidget,
        tip: str,
        *,
        marked: Sequence[QWidget] = (),
        below: QWidget | None = None,
    ) -> Field:
        """Add a row with a label, which may have a mnemonic, and a widget with a tooltip.

        `marked` are the parts of `widget` that show a problem, by default itself; `below` comes under the row
        in full width.
        """
        name = QLabel(label)
        name.setBuddy(widget)
        field = Field(name, widget, tip=tip, marked=marked or (widget,))
        if label:
            row = self._grid.rowCount()
            self._grid.addWidget(name, row, 0)
            self._grid.addWidget(widget, row, 1)
        else:
            self.add_wide(widget)
        self.add_wide(field.note)
        if below is not None:
            self.add_wide(below)
        return field

    def add_wide(self, widget: QWidget) -> None:
        """Add `widget` in full width below the rows."""
        self._grid.addWidget(widget, self._grid.rowCount(), 0, 1, 2)


class FoldedSection(Section):
    """A section whose rows are hidden until its heading is pressed; meanwhile it shows a summary of them."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.header = QToolButton(
            text=title,
            checkable=True,
            toolButtonStyle=Qt.ToolButtonStyle.ToolButtonTextBesideIcon,
            toolTip="Show or hide rarely changed options",
            accessibleName=f"{title} options",
            styleSheet="QToolButton { border: none; padding: 3px 0; font-weight: 600; }"
            "QToolButton:focus { text-decoration: underline; }",
        )
        self.summary = wrapped_label("muted")
        heading = QHBoxLayout()
        heading.addWidget(self.header)
        heading.addWidget(self.summary, 1)
        self._layout.insertLayout(0, heading)
        self.header.toggled.connect(self.rows.setVisible)
        self.header.toggled.connect(self.summary.setHidden)
        self.header.toggled.connect(self._show_arrow)
        self.rows.hide()
        follow_theme(self, self._show_arrow)

    def unfold(self) -> None:
        self.header.setChecked(True)

    def _show_arrow(self, _: Theme | bool) -> None:
        self.header.setIcon(icon("chevron-down" if self.header.isChecked() else "chevron-right"))
