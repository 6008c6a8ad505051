"""Plots of the shown run and of overlaid runs: losses, validation PSNR and SSIM, learning rate."""

from __future__ import annotations

import math
import time
from html import escape

from PySide6.QtCore import QMargins, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QSplitter, QVBoxLayout, QWidget

from fakd_gui.train.commands import TrainCommands
from fakd_gui.train.curves import DASHES
from fakd_gui.train.plot_card import PlotCard
from fakd_gui.train.plot_lines import RunLines, levels_of
from fakd_gui.train.plot_tools import PlotTools
from fakd_gui.train.readout import SWATCHES
from fakd_gui.train.state import (
    GAIN,
    LEARNING_RATE,
    LOSS,
    PLOTS,
    PSNR,
    SSIM,
    DisplayOptions,
    TrainState,
)
from fakd_gui.widgets.elided_label import wrapped_label
from fakd_gui.widgets.theme import Theme, current_theme, follow_theme

REDRAW_MS = 50
REDRAW_SHARE = 0.2
"""Maximum share of the time for redraws; slow ones come less often."""
SIDE_BY_SIDE_WIDTH = 560
"""From this width on, the plots are in two columns."""
MIN_CARD_HEIGHT = 120
"""Plots without that many pixels are left out, the last named first."""
CARDS = {
    LOSS: ("Losses by step, of images in 0..255. Click a name to hide its curve.", ".4g"),
    PSNR: ("Mean PSNR in dB of the held-out images, on luma, by the papers' protocol", ".3f"),
    GAIN: ("PSNR of the student minus the baseline's, on the held-out images", "+.3f"),
    SSIM: ("Mean SSIM of the held-out images, on luma, by the papers' protocol", ".4f"),
    LEARNING_RATE: ("The optimiser's learning rate by step", ".3g"),
}


class RunPlots(QWidget):
    """Plots that all show the same steps: the wheel zooms along them, drag pans, a double click fits.

    Call `refresh` whenever the shown series has grown.
    """

    step_picked = Signal(int)
    """The step of a validation that was clicked."""

    def __init__(self, state: TrainState, commands: TrainCommands) -> None:
        super().__init__()
        self.state = state
        self.cards = {name: PlotCard(name, tip=tip, digits=digits) for name, (tip, digits) in CARDS.items()}
        self.loss, self.psnr, self.gain, self.ssim, self.learning_rate = self.cards.values()
        self.tools = PlotTools(state, commands)
        self.overlays: list[RunLines] = []
        self._hidden: frozenset[str] = frozenset()
        self._range: tuple[float, float] | None = None
        """The steps that the user chose to see; None shows all."""
        self._options = DisplayOptions()
        """The options that are drawn."""
        self._shown = RunLines(state.shown.series)
        self._gain_is_shown = False
        self._is_stale = False
        """Something changed while the plots were hidden."""
        self.legend = wrapped_label(
            textFormat=Qt.TextFormat.RichText,
            toolTip="Overlaid runs; open or close their eyes in the library",
            visible=False,
        )
        self._timer = QTimer(self, singleShot=True, interval=REDRAW_MS, timeout=self._redraw_if_visible)
        self._lay_out()
        state.shown_changed.connect(self._show_run)
        state.overlays_changed.connect(self._show_overlays)
        state.curves_changed.connect(self._apply_options)
        commands.on("fit", self.fit)
        for card in self.cards.values():
            card.hovered.connect(self._read_at)
            card.toggled.connect(self._toggle)
            card.view.range_changed.connect(lambda card=card: self._take_range(card))
            card.view.fit_requested.connect(self.fit)
        for card in (self.psnr, self.gain, self.ssim):
            card.view.clicked_at.connect(lambda step, card=card: self._pick(card, step))
        self._apply_options()
        self._show_run()
        follow_theme(self, self._apply_theme)

    # -- what is shown -------------------------------------------------------------------------------

    def _show_run(self) -> None:
        self._shown = RunLines(self.state.shown.series)
        self._read_at(None)
        self._overlay_runs()
        self.fit()

    def _show_overlays(self) -> None:
        self._overlay_runs()
        self.redraw()

    def _overlay_runs(self) -> None:
        """Overlay the curves of the other runs on those of the shown one."""
        others = [(run, series) for run, series in self.state.overlays if run != self.state.shown.run]
        self.overlays = [RunLines(series, run.name, number) for number, (run, series) in enumerate(others)]
        self._show_legend()

    def refresh(self) -> None:
        """Redraw soon; many calls cost one redraw."""
        if not self._timer.isActive():
            self._timer.start()

    @property
    def _has_baseline(self) -> bool:
        return any(run.has_baseline for run in (self._shown, *self.overlays))

    def redraw(self) -> None:
        started = time.perf_counter()
        if self._has_baseline != self._gain_is_shown:
            self._gain_is_shown = self._has_baseline
            self._arrange()
        self._is_stale = False
        theme, options = current_theme(), self.state.curves
        for name, card in self.cards.items():
            lines = [
                line
                for run in (self._shown, *self.overlays)
                for line in run.lines(
                    name, weighted=options.weighted, smoothing=options.smoothing / 100, theme=theme
                )
            ]
            card.set_lines(lines, levels_of(name, self._shown.series, theme), self._hidden)
        left, right = self._range or self._extent()
        visible = [card for card in self.cards.values() if card.isVisibleTo(self)]
        for card in visible:
            card.draw(left, right)
        taken = time.perf_counter() - started + sum(card.widget.paint_seconds for card in visible)
        self._timer.setInterval(min(max(REDRAW_MS, round(1000 * taken / REDRAW_SHARE)), 1000))

    def fit(self) -> None:
        """Show all steps and all values."""
        self._range = None
        for card in self.cards.values():
            card.view.x_is_manual = card.view.y_is_manual = False
        self.redraw()

    def mark_step(self, step: int | None) -> None:
        """Mark the validation whose previews are shown."""
        for card in (self.psnr, self.gain, self.ssim):
            card.set_mark(step)

    # -- reacting ------------------------------------------------------------------------------------

    def _extent(self) -> tuple[float, float]:
        ends = [step for card in self.cards.values() for line in card.shown for step in line.steps[[0, -1]]]
        if not ends:
            return 0.0, 1.0
        first, last = min(ends), max(ends)
        # The end moves in jumps, so that most redraws leave the axes, and with them most pixels, as they are.
        jump = 2.0 ** math.floor(math.log2(max(last - first, 16))) / 32
        return first - jump, (math.floor(last / jump) + 1) * jump

    def _take_range(self, card: PlotCard) -> None:
        if card.view.x_is_manual:
            left, right = card.view.viewRange()[0]
            self._range = (left, right)
        self.redraw()

    def _read_at(self, step: float | None) -> None:
        for card in self.cards.values():
            card.read_at(step)

    def _pick(self, card: PlotCard, step: float) -> None:
        if (nearest := card.nearest(step)) is not None:
            self.step_picked.emit(nearest)

    def _toggle(self, key: str) -> None:
        self._hidden ^= {key}
        self.redraw()

    def _apply_options(self) -> None:
        options = self.state.curves.model_copy(update={"follow": True})  # The previews alone follow.
        if options == self._options:
            return
        self._options = options
        if self.loss.log != self.state.curves.log_axis:
            self.loss.set_log(self.state.curves.log_axis)
            self.loss.view.y_is_manual = False
        self._arrange()
        self.refresh()

    def _redraw_if_visible(self) -> None:
        if self.isVisible():
            self.redraw()
        else:
            self._is_stale = True

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._is_stale:
            self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()
        self.refresh()

    def _arrange(self) -> None:
        """Use one or two columns, and show as many of the chosen plots as there is room for."""
        side_by_side = self.width() >= SIDE_BY_SIDE_WIDTH
        self._columns.setOrientation(Qt.Orientation.Horizontal if side_by_side else Qt.Orientation.Vertical)
        rows = max(self._columns.height() // MIN_CARD_HEIGHT, 1)
        left_out = () if self._has_baseline else (GAIN,)
        chosen = [name for name in PLOTS if name in self.state.curves.plots and name not in left_out]
        if not side_by_side:
            chosen = chosen[:rows]
        for splitter, names in ((self._left, (LOSS, LEARNING_RATE)), (self._right, (PSNR, GAIN, SSIM))):
            shown = [name for name in chosen if name in names]
            if side_by_side:
                shown = shown[:rows]
            for name in names:
                self.cards[name].setVisible(name in shown)
            splitter.setVisible(bool(shown))

    def _show_legend(self) -> None:
        theme = current_theme()
        # A run's name has the colour of its student.
        parts = [
            f"<span style='color: {run.shade(theme.student, theme)}'>{SWATCHES[number % len(DASHES)]}</span>"
            f"&nbsp;{escape(run.name).replace(' ', '&nbsp;')}"
            for number, run in enumerate(self.overlays)
        ]
        self.legend.setText(" &nbsp; ".join(parts))
        self.legend.setVisible(bool(parts))

    def _apply_theme(self, theme: Theme) -> None:
        for card in self.cards.values():
            card.apply_theme(theme)
        self._show_legend()
        self.redraw()

    def _lay_out(self) -> None:
        self._columns, self._left, self._right = (
            QSplitter(orientation, objectName=name, childrenCollapsible=False)
            for orientation, name in (
                (Qt.Orientation.Horizontal, "plots"),
                (Qt.Orientation.Vertical, "left plots"),
                (Qt.Orientation.Vertical, "right plots"),
            )
        )
        for splitter, children, sizes in (
            (self._left, (self.loss, self.learning_rate), [300, 110]),
            (self._right, (self.psnr, self.gain, self.ssim), [220, 190, 190]),
            (self._columns, (self._left, self._right), [560, 440]),
        ):
            for child in children:
                splitter.addWidget(child)
            splitter.setSizes(sizes)
        self.figure = QWidget()
        # Two columns become one if there is no room for both.
        self.figure.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        inner = QVBoxLayout(self.figure, contentsMargins=QMargins())
        inner.addWidget(self.legend)
        inner.addWidget(self._columns, 1)
        layout = QVBoxLayout(self, contentsMargins=QMargins(), spacing=6)
        layout.addWidget(self.tools)
        layout.addWidget(self.figure, 1)
