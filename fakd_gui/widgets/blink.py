"""Blinking: panes shown alone in turn, in the same place, as astronomers compare photographs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QTimer, Signal

from fakd_gui.widgets.actions import ActionTable, Command
from fakd_gui.widgets.image_pane import ImagePane
from fakd_gui.widgets.pane_grid import PaneGrid

PERIODS_MS = (100, 200, 300, 500, 700, 1000, 1500, 2000, 3000)
BLINK_TIP = "Flip between the last two panes shown alone, or the first two, at a steady pace; Esc stops"
BLINK_COMMANDS = (
    Command("blink", "Blink", BLINK_TIP, keys=("Shift+B",), checkable=True),
    Command("blink_all", "Blink through all panes", "Show all panes in turn; Esc stops"),
    Command("blink_faster", "Blink faster", keys=(",",)),
    Command("blink_slower", "Blink slower", keys=(".",)),
)


class Blink(QObject):
    """Shows panes of a grid alone in turn until the user shows others."""

    changed = Signal()
    """It began, ended or has another pace."""

    def __init__(self, grid: PaneGrid) -> None:
        super().__init__(grid)
        self._grid = grid
        self.panes: list[ImagePane] = []
        """The panes in turn; empty while nothing blinks."""
        self._is_stepping = False
        self.timer = QTimer(self, interval=500, timeout=self._step)
        grid.solo_changed.connect(self._follow)

    def start(self, panes: Sequence[ImagePane]) -> None:
        """Blink through `panes`, two or more of the grid."""
        if len(panes) > 1:
            self.panes = list(panes)
            self._step()
            self.timer.start()
            self.changed.emit()

    def stop(self) -> None:
        """Show all panes again."""
        if self.panes:
            self._grid.show_only(None)

    def change_pace(self, direction: int) -> None:
        """Blink more slowly (1) or faster (-1)."""
        index = PERIODS_MS.index(self.timer.interval()) + direction
        self.timer.setInterval(PERIODS_MS[min(max(0, index), len(PERIODS_MS) - 1)])
        self.changed.emit()

    def _step(self) -> None:
        if not self._grid.isVisible():
            self.stop()
            return
        alone = self._grid.alone
        place = self.panes.index(alone) + 1 if alone in self.panes else 0
        shown = self.panes[place % len(self.panes)]
        self._is_stepping = True
        self._grid.show_only(self._grid.panes.index(shown))
        self._is_stepping = False

    def _follow(self) -> None:
        """End when another pane, all panes or a changed set of panes is shown."""
        if self.panes and not self._is_stepping:
            self.panes = []
            self.timer.stop()
            self.changed.emit()


def connect_blink(actions: ActionTable, blink: Blink, grid: PaneGrid, say: Callable[[str], object]) -> None:
    """Let the `BLINK_COMMANDS` of `actions` act on `blink`; `say` shows what is blinking at which pace."""

    def follow() -> None:
        running = bool(blink.panes)
        actions["blink"].setChecked(running)
        for name in ("blink_faster", "blink_slower"):
            actions[name].setEnabled(running)
        if running:
            names = " and ".join(pane.header.title for pane in blink.panes)
            names = names if len(blink.panes) == 2 else f"{len(blink.panes)} panes"
            keys = " and ".join(
                actions.keys[name][0] for name in ("blink_faster", "blink_slower") if actions.keys[name]
            )
            pace = f"; {keys} change the pace" if keys else ""
            say(f"Blinking {names} every {blink.timer.interval() / 1000:g} s{pace}, Esc stops")

    actions.on("blink", lambda: blink.start(grid.pair) if actions["blink"].isChecked() else blink.stop())
    actions.on("blink_all", lambda: blink.start(grid.panes))
    actions.on("blink_faster", lambda: blink.change_pace(-1))
    actions.on("blink_slower", lambda: blink.change_pace(1))
    blink.changed.connect(follow)
    follow()
