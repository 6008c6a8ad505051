"""Rows of a form: a label, a widget, and below them a problem or a fact."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from fakd_gui.widgets.theme import Theme, follow_theme, icon, restyle

WIDEST_LABEL = "Validate every"
"""The column of labels has its width in every section, so that the fields line up."""


class Field:
    """A labelled widget with a note below it: a problem, or else a fact."""

    def __init__(
        self, *, label: QLabel, widget: QWidget, note: QLabel, tip: str, marked: Sequence[QWidget]
    ) -> None:
        self.label = label
        self.widget = widget
        self.note = note
        self._tip = tip
        self._marked = marked
        self.problem = ""
        self._fact = ""
        self._is_shown_elsewhere = False
        for part in (widget, *marked):
            if label.text():
                part.setAccessibleName(label.text().replace("&", ""))
            part.setAccessibleDescription(tip)

    def set_problem(self, problem: str, *, shown_elsewhere: bool = False) -> None:
        """Mark the widget and show the problem unless a part of it does; an empty text clears both."""
        self.problem = problem
        self._is_shown_elsewhere = shown_elsewhere
        self._show()

    def set_fact(self, fact: str) -> None:
        """Set the line that is shown while there is no problem."""
        self._fact = fact
        self._show()

    def _show(self) -> None:
        text = "" if self._is_shown_elsewhere else self.problem or self._fact
        self.note.setText(text)
        self.note.setVisible(bool(text))
        restyle(self.note, role="error" if self.problem else "muted")
        for marked in self._marked:
            restyle(marked, invalid=bool(self.problem))
        tip = f"{self._tip}\n\n{self.problem}" if self.problem else self._tip
        self.widget.setToolTip(tip)
        self.label.setToolTip(tip)


class Section(QWidget):
    """Rows in two columns, below a heading if there is a title."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows = QWidget()
        self._grid = QGridLayout(self.rows)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnMinimumWidth(0, self.fontMetrics().horizontalAdvance(WIDEST_LABEL))
        self._grid.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        heading = self.make_heading(title)
        if heading is not None:
            layout.addWidget(heading)
        layout.addWidget(self.rows)

    def make_heading(self, title: str) -> QWidget | None:
        if not title:
            return None
        heading = QLabel(title)
        heading.setProperty("role", "heading")
        return heading

    def add(
        self,
        label: str,
        widget: QWidget,
        tip: str,
        *,
        marked: Sequence[QWidget] = (),
        below: QWidget | None = None,
    ) -> Field:
        """Add a row.

        Args:
            label: May have a mnemonic (&).
            widget: The field.
            tip: The tooltip.
            marked: The parts of `widget` that show a problem; by default `widget`.
            below: A widget under the row in full width.
        """
        name = QLabel(label)
        name.setBuddy(widget)
        note = QLabel()
        note.setWordWrap(True)
        note.setTextFormat(Qt.TextFormat.PlainText)
        note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = self._grid.rowCount()
        if label:
            self._grid.addWidget(name, row, 0)
            self._grid.addWidget(widget, row, 1)
        else:
            self._grid.addWidget(widget, row, 0, 1, 2)
        self._grid.addWidget(note, row + 1, 0, 1, 2)
        if below is not None:
            self._grid.addWidget(below, row + 2, 0, 1, 2)
        field = Field(label=name, widget=widget, note=note, tip=tip, marked=marked or (widget,))
        field.set_problem("")
        return field

    def add_wide(self, widget: QWidget) -> None:
        """Add `widget` in full width below the rows."""
        self._grid.addWidget(widget, self._grid.rowCount(), 0, 1, 2)


class FoldedSection(Section):
    """A section whose rows are hidden until its heading is pressed; meanwhile it shows a summary of them."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        self.header = QToolButton()
        self._summary = QLabel()
        super().__init__(title, parent)
        self.header.toggled.connect(self.rows.setVisible)
        self.header.toggled.connect(self._summary.setHidden)
        self.header.toggled.connect(lambda _: self._apply_theme())
        self.rows.hide()
        follow_theme(self, self._apply_theme)

    def make_heading(self, title: str) -> QWidget:
        self.header.setText(title)
        self.header.setCheckable(True)
        self.header.setStyleSheet(
            "QToolButton { border: none; padding: 3px 0; } QToolButton:focus { text-decoration: underline; }"
        )
        self.header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.header.setToolTip("Show or hide rarely changed options")
        self.header.setAccessibleName(f"{title} options")
        font = self.header.font()
        font.setWeight(font.Weight.DemiBold)
        self.header.setFont(font)
        self._summary.setProperty("role", "muted")
        self._summary.setWordWrap(True)
        self._summary.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QWidget()
        layout = QGridLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.header, 0, 0)
        layout.addWidget(self._summary, 0, 1)
        layout.setColumnStretch(1, 1)
        return row

    def unfold(self) -> None:
        self.header.setChecked(True)

    def summarise(self, changed: Sequence[str], problems: int) -> None:
        """List the `changed` options beside the heading, and unfold if there are `problems`."""
        self._summary.setText(", ".join(changed))
        if problems:
            self.unfold()

    def _apply_theme(self, theme: Theme | None = None) -> None:
        self.header.setIcon(icon("chevron-down" if self.header.isChecked() else "chevron-right"))
