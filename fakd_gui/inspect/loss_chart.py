"""How far every student's affinities are from the teacher's, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from fakd_gui.inspect.losses import SALoss
from fakd_gui.widgets.theme import current_theme

ROW = 17
GAP, MOST_NAMED = 8, 110
"""Pixels between columns, and the most that the layers' names take."""
WIDEST = "≈ 0.0000"
ROUNDING = 256 * 2.0**-24
"""Losses no further apart are equal: an affinity adds up to 256 float32 products, each of which may move a
sum of at most 1 by 2⁻²⁴."""
TIP = (
    "SA loss, unweighted: the mean absolute difference to the teacher over all pairs of positions, 0 to 2.\n"
    "Smaller is nearer to the teacher. ≈ is estimated on a lattice of positions.\n"
    "Click a layer to show it."
)


@dataclass(frozen=True)
class StudentLosses:
    """A student with its losses by layer."""

    label: str
    colour: str
    losses: Mapping[int, SALoss]


class LossBars(QWidget):
    """A row per layer: its name, and for each student a bar with its loss."""

    layer_picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.names: Sequence[str] = ()
        self.learners: Sequence[StudentLosses] = ()
        self.layer = 0
        self.setToolTip(TIP)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(230, 4 * ROW)

    def least_width(self, students: int) -> int:
        """Pixels in which the names and the numbers of so many `students` stand apart."""
        return self._named() + GAP + students * (self.fontMetrics().horizontalAdvance(WIDEST) + GAP)

    def _named(self) -> int:
        metrics = self.fontMetrics()
        longest = max((metrics.horizontalAdvance(name) for name in self.names), default=MOST_NAMED)
        # Advances are rounded: two more pixels, or the longest name would be cut.
        return min(longest + 2, MOST_NAMED)

    def row_at(self, y: float) -> int:
        return min(max(0, int(y // ROW)), max(0, len(self.names) - 1))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.layer_picked.emit(self.row_at(event.position().y()))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = self.fontMetrics()
        named = self._named()
        most = max((loss.value for one in self.learners for loss in one.losses.values()), default=0) or 1.0
        number = metrics.horizontalAdvance(WIDEST)
        room = (self.width() - named - GAP) / max(1, len(self.learners))
        for layer, name in enumerate(self.names):
            top = layer * ROW
            if layer == self.layer:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(theme.border))
                painter.drawRoundedRect(QRectF(0, top, self.width(), ROW - 1), 3, 3)
            painter.setFont(self.font())
            painter.setPen(QColor(theme.text if layer == self.layer else theme.muted))
            text = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, named)
            painter.drawText(
                QRectF(4, top, named, ROW), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text
            )
            nearest = nearest_at(self.learners, layer)
            for column, learner in enumerate(self.learners):
                loss = learner.losses.get(layer)
                left = named + GAP + column * room
                bar = max(0.0, room - number - GAP)
                if loss is not None:
                    painter.setPen(Qt.PenStyle.NoPen)
                    painter.setBrush(QColor(learner.colour))
                    painter.drawRoundedRect(QRectF(left, top + 4, bar * loss.value / most, ROW - 9), 2, 2)
                font = QFont(self.font())
                font.setBold(column == nearest)
                painter.setFont(font)
                painter.setPen(QColor(theme.text if column == nearest else theme.muted))
                painter.drawText(
                    QRectF(left + bar, top, number + 6, ROW),
                    Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
                    "…" if loss is None else loss.text,
                )


class LossChart(QWidget):
    """`LossBars` with a title that says which student is nearer to the teacher."""

    layer_picked = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        title = QLabel("SA loss")
        title.setProperty("role", "heading")
        title.setToolTip(TIP)
        self.verdict = QLabel()
        self.verdict.setProperty("role", "muted")
        self.verdict.setWordWrap(True)
        self.verdict.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.bars = LossBars(self)
        self.bars.layer_picked.connect(self.layer_picked)
        heading = QHBoxLayout()
        heading.setSpacing(8)
        heading.addWidget(title)
        heading.addWidget(self.verdict, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(heading)
        layout.addWidget(self.bars)
        layout.addStretch()

    def show_losses(self, names: Sequence[str], learners: Sequence[StudentLosses], layer: int) -> None:
        """`names` of the layers; `layer` is the one whose maps are shown."""
        self.bars.names, self.bars.learners, self.bars.layer = names, learners, layer
        self.bars.update()
        told, short = verdict(learners, len(names))
        self.verdict.setText(short)
        self.verdict.setToolTip(told)
        lines = []
        for index, name in enumerate(names):
            values = [f"{one.label} {one.losses[index].text}" for one in learners if index in one.losses]
            lines.append(f"{name}: {', '.join(values)}")
        self.bars.setAccessibleName("SA loss by layer")
        self.bars.setAccessibleDescription("; ".join([*lines, told]))


def nearest_at(learners: Sequence[StudentLosses], layer: int) -> int | None:
    """The number of the student nearest to the teacher at `layer`.

    None unless all of several are known, and where another one is as near, to rounding.
    """
    values = [one.losses[layer].value for one in learners if layer in one.losses]
    if len(learners) < 2 or len(values) < len(learners):
        return None
    first, second = sorted(values)[:2]
    return values.index(first) if second - first > ROUNDING else None


def verdict(learners: Sequence[StudentLosses], layers: int) -> tuple[str, str]:
    """Which student is nearest at how many layers, by name and (rich text) by colour.

    Empty until it is known of every layer.
    """
    known = all(layer in one.losses for one in learners for layer in range(layers))
    if len(learners) < 2 or not layers or not known:
        return "", ""
    nearest = [nearest_at(learners, layer) for layer in range(layers)]
    counts = [nearest.count(number) for number in range(len(learners))]
    count = max(counts)
    if count == 0:
        return "Equally near to the teacher: the losses differ by no more than rounding", "equal, to rounding"
    if counts.count(count) > 1:
        return "A tie by layers", "a tie by layers"
    best, equal = counts.index(count), nearest.count(None)
    where = "at every layer" if count == layers else f"at {count} of {layers} layers"
    where += f", equal at {equal}" if equal else ""
    square = f"<span style='color: {learners[best].colour}'>&#9632;</span>"
    return f"{learners[best].label} is nearer to the teacher {where}", f"{square} nearer {where}"
