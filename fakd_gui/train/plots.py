"""The curves of a run: loss parts, validation PSNR and SSIM, learning rate; other runs laid over them."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from html import escape

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QSplitter, QVBoxLayout, QWidget

from fakd_core.runs.series import RunSeries
from fakd_gui.train.curves import DASHES
from fakd_gui.train.plot_card import PlotCard
from fakd_gui.train.plot_lines import LOSS, PSNR, RATE, SSIM, Drawing, levels_of
from fakd_gui.train.plot_tools import PlotTools
from fakd_gui.train.readout import SWATCHES
from fakd_gui.widgets.theme import Theme, current_theme, follow_theme

REDRAW_MS = 50
REDRAW_SHARE = 0.2
"""Redraws may take this share of the time; where they take longer they come less often."""
SIDE_BY_SIDE_WIDTH = 560
"""From this width on the plots stand in two columns."""
CARD_HEIGHT = 120
"""Pixels below which a plot tells nothing; plots that have no room are left out, the last named first."""
CARDS = {
    LOSS: ("Loss by step, images on the 0..255 scale. Click a name to hide its curve.", ".4g"),
    PSNR: ("Mean PSNR in dB over the held-out images, on luma, by the papers' protocol", ".3f"),
    SSIM: ("Mean SSIM over the held-out images, on luma, by the papers' protocol", ".4f"),
    RATE: ("The optimiser's learning rate by step", ".3g"),
}


class RunPlots(QWidget):
    """Shows a `RunSeries`; call `refresh` whenever it grew.

    The wheel zooms over the steps, dragging moves, a double click fits; all plots show the same steps.
    """

    step_picked = Signal(int)
    """A validation in the plots was clicked: after how many steps."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.series = RunSeries()
        self.name = ""
        self.cards = {name: PlotCard(name, tip, digits) for name, (tip, digits) in CARDS.items()}
        self.loss, self.psnr, self.ssim, self.rate = self.cards.values()
        self.tools = PlotTools(tuple(CARDS))
        self.smoothing, self.log_axis, self.weighted = (
            self.tools.smoothing,
            self.tools.log_axis,
            self.tools.weighted,
        )
        self.compared: list[tuple[str, RunSeries]] = []
        self._drawings: list[Drawing] = [Drawing(self.series)]
        self._hidden: frozenset[str] = frozenset()
        self._range: tuple[float, float] | None = None
        """The steps the person chose to see; None shows all."""
        self.legend = QLabel()
        self.legend.setWordWrap(True)
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.legend.setToolTip("Past runs laid over the one shown; tick them in the list of runs")
        self.legend.hide()
        self._timer = QTimer(self, singleShot=True, interval=REDRAW_MS)
        self._timer.timeout.connect(self._redraw_if_seen)
        self._stale = False
        self._lay_out()
        self.tools.changed.connect(self._tools_changed)
        self.tools.fit_wanted.connect(self.fit)
        for card in self.cards.values():
            card.hovered.connect(self._read_at)
            card.toggled.connect(self._toggle)
            card.view.turned.connect(lambda card=card: self._turned(card))
            card.view.fit_wanted.connect(self.fit)
            card.view.clicked_at.connect(lambda step, card=card: self._pick(card, step))
        follow_theme(self, self._apply_theme)

    # -- what is shown -------------------------------------------------------------------------------

    def show_series(self, series: RunSeries, name: str = "") -> None:
        """Show another run."""
        self.series, self.name = series, name
        self._drawings = [Drawing(series), *self._drawings[1:]]
        for card in self.cards.values():
            card.set_mark(None)
            card.read_at(None)
        self.fit()

    def compare(self, runs: Sequence[tuple[str, RunSeries]]) -> None:
        """Lay the curves of `runs`, each with its name, over those of the run that is shown."""
        self.compared = list(runs)
        self._drawings = [self._drawings[0]]
        self._drawings += [
            Drawing(series, name, number) for number, (name, series) in enumerate(self.compared)
        ]
        self._show_legend()
        self.redraw()

    def refresh(self) -> None:
        """Redraw soon; many calls in between cost one redraw."""
        if not self._timer.isActive():
            self._timer.start()

    def redraw(self) -> None:
        begun = time.perf_counter()
        self._stale = False
        theme, smoothing, weighted = current_theme(), self.tools.weight, self.weighted.isChecked()
        for name, card in self.cards.items():
            lines = [
                line
                for drawing in self._drawings
                for line in drawing.lines(name, weighted, smoothing, theme)
                if len(line.steps)
            ]
            card.set_lines(lines, levels_of(name, self.series, theme), self._hidden)
        left, right = self._range or self._extent()
        seen = [card for card in self.cards.values() if card.isVisibleTo(self)]
        for card in seen:
            card.draw(left, right)
        taken = time.perf_counter() - begun + sum(card.widget.paint_seconds for card in seen)
        self._timer.setInterval(min(max(REDRAW_MS, round(1000 * taken / REDRAW_SHARE)), 1000))

    def fit(self) -> None:
        """Show all steps and all values again."""
        self._range = None
        for card in self.cards.values():
            card.view.free_x = card.view.free_y = False
        self.redraw()

    def mark_step(self, step: int | None) -> None:
        """Point out the validation that the pictures show."""
        for card in (self.psnr, self.ssim):
            card.set_mark(step)

    # -- remembering ---------------------------------------------------------------------------------

    def remember(self) -> dict[str, object]:
        splits = [self._columns, self._left, self._right]
        return {**self.tools.remember(), "sizes": [split.sizes() for split in splits]}

    def recall(self, remembered: Mapping[str, object]) -> None:
        self.tools.recall(remembered)
        sizes = remembered.get("sizes")
        if isinstance(sizes, list):
            for split, kept in zip((self._columns, self._left, self._right), sizes, strict=False):
                if isinstance(kept, list) and all(isinstance(size, int) and size > 0 for size in kept):
                    split.setSizes(kept)

    # -- reacting ------------------------------------------------------------------------------------

    def _extent(self) -> tuple[float, float]:
        extents = [extent for card in self.cards.values() if (extent := card.extent())]
        if not extents:
            return 0.0, 1.0
        first, last = min(extents)[0], max(end for _, end in extents)
        # The end moves on in leaps: most redraws leave the axes, and so most of the picture, as they are.
        leap = 2.0 ** math.floor(math.log2(max(last - first, 16))) / 32
        return first - leap, (math.floor(last / leap) + 1) * leap

    def _turned(self, turned: PlotCard) -> None:
        if turned.view.free_x:
            left, right = turned.view.viewRange()[0]
            self._range = (left, right)
        self.redraw()

    def _read_at(self, step: float | None) -> None:
        for card in self.cards.values():
            card.read_at(step)

    def _pick(self, card: PlotCard, step: float) -> None:
        if card in (self.psnr, self.ssim) and (nearest := card.nearest(step)) is not None:
            self.step_picked.emit(nearest)

    def _toggle(self, key: str) -> None:
        self._hidden ^= {key}
        self.redraw()

    def _tools_changed(self) -> None:
        if self.loss.log != self.log_axis.isChecked():
            self.loss.set_log(self.log_axis.isChecked())
            self.loss.view.free_y = False
        self._arrange()
        self.refresh()

    def _redraw_if_seen(self) -> None:
        if self.isVisible():
            self.redraw()
        else:
            self._stale = True

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()
        self.refresh()

    def _arrange(self) -> None:
        """One or two columns; the plots that were chosen, as many as have room."""
        beside = self.width() >= SIDE_BY_SIDE_WIDTH
        wanted = Qt.Orientation.Horizontal if beside else Qt.Orientation.Vertical
        if self._columns.orientation() is not wanted:
            self._columns.setOrientation(wanted)
        rows = max(self._columns.height() // CARD_HEIGHT, 1)
        chosen = [name for name in CARDS if name in self.tools.chosen]
        if not beside:
            chosen = chosen[:rows]
        elif rows == 1:
            chosen = [next(iter(pair), "") for pair in _columns_of(chosen)]
        for name, card in self.cards.items():
            card.setVisible(name in chosen)
        for column, pair in zip((self._left, self._right), _columns_of(chosen), strict=True):
            column.setVisible(bool(pair))

    def _show_legend(self) -> None:
        theme = current_theme()
        parts = []
        for number, (name, _) in enumerate(self.compared):
            colour = Drawing.colour_of_run(number, theme)
            sign = SWATCHES[number % len(DASHES)]
            parts.append(
                f"<span style='color: {colour}'>{sign}</span>&nbsp;{escape(name).replace(' ', '&nbsp;')}"
            )
        self.legend.setText(" &nbsp; ".join(parts))
        self.legend.setVisible(bool(parts))

    def _apply_theme(self, theme: Theme) -> None:
        for card in self.cards.values():
            card.apply_theme(theme)
        self._show_legend()
        self.redraw()

    def _lay_out(self) -> None:
        self._left, self._right, self._columns = (
            QSplitter(orientation)
            for orientation in (Qt.Orientation.Vertical, Qt.Orientation.Vertical, Qt.Orientation.Horizontal)
        )
        for column, cards in ((self._left, (self.loss, self.rate)), (self._right, (self.psnr, self.ssim))):
            for card in cards:
                column.addWidget(card)
            self._columns.addWidget(column)
        self._left.setSizes([300, 110])
        self._right.setSizes([220, 190])
        self._columns.setSizes([560, 440])
        for split in (self._left, self._right, self._columns):
            split.setChildrenCollapsible(False)
        self.figure = QWidget()
        # Two columns become one where there is no room for both.
        self.figure.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        inner = QVBoxLayout(self.figure)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.legend)
        inner.addWidget(self._columns, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.tools)
        layout.addWidget(self.figure, 1)


def _columns_of(names: Sequence[str]) -> tuple[list[str], list[str]]:
    return [name for name in names if name in (LOSS, RATE)], [name for name in names if name in (PSNR, SSIM)]
