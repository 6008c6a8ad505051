"""Values of curves as text: a legend beside a plot's title, and a box at the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLabel, QWidget

from fakd_core.events import format_score
from fakd_gui.train.curves import Line
from fakd_gui.widgets.theme import current_theme, with_role

SWATCHES = ("╍╍", "┅┅", "━╺", "╺ ╸")
"""The dash patterns of overlaid runs as text."""
MAX_ROWS = 24
"""A box with more would cover the plot."""


def format_legend(
    title: str, lines: Sequence[Line], *, hidden: frozenset[str], at: float | None, digits: str
) -> str:
    """The title and each line with its value at step `at` (None: the newest), as rich text."""
    theme = current_theme()
    parts = [f"<b>{escape(title)}</b>"]
    for line in lines:
        # The link hides or shows the curve.
        is_hidden = line.key in hidden
        colour = theme.muted if is_hidden else line.colour
        index = len(line.exact) - 1 if at is None else line.at(at)
        value = "" if is_hidden or index is None else f"&nbsp;{format_score(line.exact[index], digits)}"
        name = escape(line.label).replace(" ", "&nbsp;")
        parts.append(
            f"<a href='{escape(line.key)}' style='color: {colour}; text-decoration: none'>"
            f"{'&#9633;' if is_hidden else '&#9632;'}&nbsp;{name}</a>"
            f"<span style='color: {colour}'>{value}</span>"
        )
    if at is not None and lines:
        parts.insert(1, f"<span style='color: {theme.muted}'>step&nbsp;{round(at):,}</span>")
    return " &nbsp; ".join(parts)


class Readout(QLabel):
    """A box beside the cursor with the values of all curves there."""

    def __init__(self, plot: QWidget) -> None:
        super().__init__(plot, textFormat=Qt.TextFormat.RichText, margin=5, visible=False)
        with_role(self, "card")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def show_values(self, step: int, lines: Sequence[Line], *, digits: str, at: QPoint) -> None:
        """Show the values at `step`; `at` is the cursor in the coordinates of the plot."""
        theme = current_theme()
        rows = []
        for line in lines:
            index = line.at(step)
            if index is None:
                continue
            exact, drawn = float(line.exact[index]), float(line.values[index])
            smoothed = f"{drawn:{digits}}" if line.values is not line.exact and drawn != exact else ""
            pattern = "&#9632;" if line.dash is None else SWATCHES[line.dash % len(SWATCHES)]
            rows.append(
                f"<tr><td><span style='color: {line.colour}'>{pattern}</span> "
                f"{escape(line.label)}&nbsp;&nbsp;</td>"
                f"<td>{escape(line.run)}&nbsp;</td><td align='right'>{format_score(exact, digits)}</td>"
                f"<td align='right' style='color: {theme.muted}'>&nbsp;&nbsp;{smoothed}</td></tr>"
            )
        if not rows:
            self.hide()
            return
        if len(rows) > MAX_ROWS:
            rows[MAX_ROWS:] = [f"<tr><td>and {len(rows) - MAX_ROWS} more</td></tr>"]
        any_smoothed = any(line.values is not line.exact for line in lines)
        note = f" <span style='color: {theme.muted}'>· value, smoothed</span>" if any_smoothed else ""
        self.setText(f"<b>step {step:,}</b>{note}<table cellspacing='0'>{''.join(rows)}</table>")
        self.adjustSize()
        room = self.parentWidget().size()
        x = at.x() + 14 if at.x() + 14 + self.width() <= room.width() else at.x() - 14 - self.width()
        y = min(max(at.y() - self.height() // 2, 0), room.height() - self.height())
        self.move(max(x, 0), max(y, 0))
        self.show()
        self.raise_()
