"""The students' SA losses, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QMargins, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from fakd_gui.inspect.features import SALoss
from fakd_gui.widgets.theme import current_theme, with_role

ROW = 17
GAP, MAX_NAME_WIDTH = 8, 110
"""Pixels between columns, and of the layers' names."""
WIDEST = "≈ 0.0000"
ROUNDING = 256 * 2.0**-24
"""Losses that differ by no more are equal: an affinity sums up to 256 float32 products, each of which may
move a sum of at most 1 by 2⁻²⁴."""
TIP = (
    "SA loss, unweighted: the mean absolute difference to the teacher over all pairs of positions, 0 to 2.\n"
    "Smaller is nearer to the teacher. ≈ is estimated on a lattice of positions.\n"
    "Click a layer to show it."
)


@dataclass(frozen=True)
class StudentLosses:
    """A student's name and colour, with its SA losses by layer or by step."""

    label: str
    colour: str
    losses: Mapping[int, SALoss]
    digit: str = ""
    """The digit of its pane: a legend that needs no colours."""


def largest_loss(students: Sequence[StudentLosses]) -> float:
    """The largest known loss, a scale for the others; 1 if there is none."""
    return max((loss.value for one in students for loss in one.losses.values()), default=0) or 1.0


class LossBars(QWidget):
    """One row per layer: its name, and for each student a bar with its loss."""

    layer_clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__(
            toolTip=TIP, cursor=Qt.CursorShape.PointingHandCursor, accessibleName="SA loss by layer"
        )
        self.names: Sequence[str] = ()
        self.students: Sequence[StudentLosses] = ()
        self.layer = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(230, 4 * ROW)

    def min_width(self, students: int) -> int:
        """Width in pixels at which names and numbers of so many `students` don't overlap."""
        column = self.fontMetrics().horizontalAdvance(WIDEST) + 2 * GAP + self._digit_width()
        return self._name_width() + GAP + students * column

    def _digit_width(self) -> int:
        return self.fontMetrics().horizontalAdvance("0") + 3

    def _name_width(self) -> int:
        metrics = self.fontMetrics()
        longest = max((metrics.horizontalAdvance(name) for name in self.names), default=MAX_NAME_WIDTH)
        # Advances are rounded: two more pixels, or the longest name would be elided.
        return min(longest + 2, MAX_NAME_WIDTH)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = int(event.position().y() // ROW)
        self.layer_clicked.emit(min(max(0, row), max(0, len(self.names) - 1)))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme, metrics, name_width = current_theme(), self.fontMetrics(), self._name_width()
        for layer, name in enumerate(self.names):
            top = layer * ROW
            if layer == self.layer:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(theme.border))
                painter.drawRoundedRect(QRectF(0, top, self.width(), ROW - 1), 3, 3)
            painter.setFont(self.font())
            painter.setPen(QColor(theme.text if layer == self.layer else theme.muted))
            text = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, name_width)
            left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(4, top, name_width, ROW), left, text)
            width = self.width() - name_width - GAP
            self._draw_losses(painter, layer, QRectF(name_width + GAP, top, width, ROW))

    def _draw_losses(self, painter: QPainter, layer: int, area: QRectF) -> None:
        theme = current_theme()
        largest = largest_loss(self.students)
        text_width = self.fontMetrics().horizontalAdvance(WIDEST)
        column_width = area.width() / max(1, len(self.students))
        digit_width = self._digit_width()
        bar_width = max(0.0, column_width - text_width - 2 * GAP - digit_width)
        nearest = nearest_at(self.students, layer)
        for column, student in enumerate(self.students):
            loss, left = student.losses.get(layer), area.left() + column * column_width
            painter.setFont(self.font())
            painter.setPen(QColor(student.colour))
            painter.drawText(
                QRectF(left, area.top(), digit_width, ROW), Qt.AlignmentFlag.AlignVCenter, student.digit
            )
            left += digit_width
            if loss is not None:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(student.colour))
                bar = QRectF(left, area.top() + 4, bar_width * loss.value / largest, ROW - 9)
                painter.drawRoundedRect(bar, 2, 2)
            font = QFont(self.font())
            font.setBold(column == nearest)
            painter.setFont(font)
            painter.setPen(QColor(theme.text if column == nearest else theme.muted))
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            place = QRectF(left + bar_width, area.top(), text_width + 6, ROW)
            painter.drawText(place, right, "…" if loss is None else loss.text)


class LossChart(QWidget):
    """`LossBars` with a heading that says which student is nearer to the teacher."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.summary = with_role(QLabel(wordWrap=True), "muted")
        self.summary.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.bars = LossBars()
        heading = QHBoxLayout(spacing=8)
        heading.addWidget(with_role(QLabel("SA loss", toolTip=TIP), "heading"))
        heading.addWidget(self.summary, 1)
        layout = QVBoxLayout(self, contentsMargins=QMargins(), spacing=3)
        layout.addLayout(heading)
        layout.addWidget(self.bars)
        layout.addStretch()

    def show_losses(self, names: Sequence[str], students: Sequence[StudentLosses], layer: int) -> None:
        """Show the losses at the layers `names`; `layer` is the one whose maps are shown."""
        self.bars.names, self.bars.students, self.bars.layer = names, students, layer
        self.bars.update()
        summary, short = summarise(students, len(names))
        self.summary.setText(short)
        self.summary.setToolTip(summary)
        lines = []
        for index, name in enumerate(names):
            values = [f"{one.label} {one.losses[index].text}" for one in students if index in one.losses]
            lines.append(f"{name}: {', '.join(values)}")
        self.bars.setAccessibleDescription("; ".join([*lines, summary]))


def nearest_at(students: Sequence[StudentLosses], layer: int) -> int | None:
    """The index of the student nearest to the teacher at `layer`.

    None for a single student, while a loss is unknown, and if two are equally near, up to rounding.
    """
    values = [one.losses[layer].value for one in students if layer in one.losses]
    if len(students) < 2 or len(values) < len(students):
        return None
    first, second = sorted(values)[:2]
    return values.index(first) if second - first > ROUNDING else None


def summarise(students: Sequence[StudentLosses], layers: int) -> tuple[str, str]:
    """The student that is nearest at most of the `layers`, by name and (rich text) by colour.

    Empty until the losses at all layers are known.
    """
    known = all(layer in one.losses for one in students for layer in range(layers))
    if len(students) < 2 or not layers or not known:
        return "", ""
    nearest = [nearest_at(students, layer) for layer in range(layers)]
    counts = [nearest.count(number) for number in range(len(students))]
    count = max(counts)
    if count == 0:
        equal = "Equally near to the teacher: the losses differ by no more than rounding"
        return equal, "equal up to rounding"
    if counts.count(count) > 1:
        return "A tie by layers", "a tie by layers"
    best, ties = counts.index(count), nearest.count(None)
    where = "at every layer" if count == layers else f"at {count} of {layers} layers"
    where += f", equal at {ties}" if ties else ""
    square = f"<span style='color: {students[best].colour}'>&#9632;{students[best].digit}</span>"
    return f"{students[best].label} is nearer to the teacher {where}", f"{square} nearer {where}"
