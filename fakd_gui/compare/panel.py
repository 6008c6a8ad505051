"""The Compare workspace: its layout, and what is connected with what."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMargins, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QMenu, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from fakd_gui.compare.board import Board
from fakd_gui.compare.captions import hex_text, image_text
from fakd_gui.compare.commands import CompareCommands
from fakd_gui.compare.filmstrip import Filmstrip
from fakd_gui.compare.pair_bars import DifferenceBar, SplitBar
from fakd_gui.compare.panes import DIFFERENCE, SPLIT
from fakd_gui.compare.results import PaneEvent, PaneProgress
from fakd_gui.compare.runner import CompareRunner
from fakd_gui.compare.state import CompareState
from fakd_gui.session.opened_image import OpenedImage
from fakd_gui.session.opening import Action, each
from fakd_gui.session.problem import Problem
from fakd_gui.session.session import Session
from fakd_gui.widgets.busy_bar import BusyBar
from fakd_gui.widgets.empty_state import EmptyState, Invitation
from fakd_gui.widgets.file_drops import FileDrops
from fakd_gui.widgets.held_keys import HeldKeys
from fakd_gui.widgets.image_tools import OpenTools, make_tool_bar, menu_button
from fakd_gui.widgets.keyboards import SingleKeys
from fakd_gui.widgets.theme import follow_theme, with_role
from fakd_gui.widgets.tone_bar import TONE_COMMANDS, ToneBar
from fakd_gui.widgets.view_commands import add_view_menu, add_view_tools

COMPACT_HEIGHT = 560
"""Panel height in pixels below which the filmstrip is compact."""


class ComparePanel(QWidget):
    """Bicubic, students, teacher and ground truth of the session's image, linked in zoom and pan.

    It computes while it is visible; changes that happen while it is hidden are computed when it is shown.
    """

    finished = Signal()
    """Every pane has its result or has failed; not emitted after a cancellation."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.state = CompareState(session, self)
        self.memory, self.restore = self.state.memory, self.state.restore
        self.camera = self.state.camera
        self.runner = CompareRunner(self.state, self)
        self.board = Board(self.state, self)
        self.strip = Filmstrip(self.runner, self)
        self.commands = CompareCommands(state=self.state, board=self.board, strip=self.strip, parent=self)
        self.actions = self.commands.actions
        self._is_stale = False
        self._lay_out()
        self._connect()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        if session.image is not None:
            self._show_image(session.image)

    def refresh(self) -> None:
        """Update the panes and compute what is missing."""
        self._is_stale = False
        self.state.update_panes()
        self.runner.compute()

    # -- layout, in the order of reading and of the keyboard focus

    def _lay_out(self) -> None:
        actions, self.bar = self.actions, make_tool_bar(self)
        self.open_tools = OpenTools(self.bar)
        self.open_tools.samples.addAction(actions["open_folder"])
        self.open_tools.samples.addSeparator()
        self.bar.addSeparator()
        tip = "Add a model or a picture, show and hide panes"
        menu_button(self.bar, "Panes", self.commands.panes_menu, icon_name="plus", tip=tip)
        self.bar.addSeparator()
        add_view_tools(self.bar, actions, self.camera)
        tone = tuple(command.name for command in TONE_COMMANDS)
        add_view_menu(self.bar, actions, ("flip", "blink", "blink_all"), ("present",), tone)
        self.bar.addSeparator()
        self.bar.addActions([actions[name] for name in ("split", "difference", "region")])
        self.bar.addSeparator()
        self.export_menu = QMenu(self, toolTipsVisible=True)
        self.export_menu.addActions([actions[name] for name in ("save", "copy_all", "save_all", "figure")])
        tip = "Images of the panes, one picture of all, figures"
        menu_button(self.bar, "Export", self.export_menu, icon_name="export-variant", tip=tip)
        self.split_bar, self.difference_bar = SplitBar(), DifferenceBar()
        self.tone_bar = ToneBar(actions, self.camera)
        self.empty = EmptyState(self.open_tools, "compare models on it")
        self.show_all_button = with_role(QPushButton("Show all panes"), "primary")
        hint = "Panes, above, shows them again one by one."
        self.no_panes = Invitation("eye-off-outline", "Every pane is closed", hint, self.show_all_button)
        self.stack = QStackedWidget(self)
        for page in (self.empty, self.board.grid, self.no_panes):
            self.stack.addWidget(page)
        self.status = BusyBar(self)
        column = QVBoxLayout(self, contentsMargins=QMargins(8, 4, 8, 6), spacing=4)
        bars = self.bar, self.tone_bar, self.split_bar, self.difference_bar
        for part in (*bars, self.stack, self.strip, self.status):
            column.addWidget(part, int(part is self.stack))
        self._show_panes()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.strip.list.set_compact(self.height() < COMPACT_HEIGHT)

    # -- connections

    def _connect(self) -> None:
        self._connect_session()
        state, runner, status = self.state, self.runner, self.status
        runner.results.result.connect(lambda _: self.finished.emit())
        runner.results.busy.connect(lambda busy: status.show_busy("Starting") if busy else status.show_idle())
        state.reported.connect(self._show_progress)
        state.panes_changed.connect(self._show_panes)
        state.results_needed.connect(self.refresh)
        self.actions["tone"].toggled.connect(lambda _: self._show_panes())
        self.split_bar.chosen.connect(state.show_split)
        self.difference_bar.chosen.connect(state.show_difference)
        status.cancelled.connect(runner.cancel)
        self.show_all_button.clicked.connect(state.show_all_panes)
        self.camera.changed.connect(self._show_position)
        self.camera.cursor_changed.connect(self._show_position)
        follow_theme(self, lambda _: self.board.refresh())

    def _connect_session(self) -> None:
        session, tools = self.session, self.open_tools
        session.image_changed.connect(self._show_image)
        session.teacher_changed.connect(lambda _: self._follow_models())
        session.library.shown_changed.connect(self._follow_library)
        session.openers[Action.ADD_PANES] = each(self.state.add_picture)
        HeldKeys(self, self._let_go)
        SingleKeys(self, self._use_key)
        FileDrops(self, lambda paths: session.open_paths(paths, "Compare"), session.report)
        tools.image_chosen.connect(lambda path: session.open_paths([path], "Compare"))
        tools.sample_chosen.connect(session.open_image)
        tools.is_lr_chosen.connect(session.set_is_lr)
        session.is_lr_changed.connect(tools.show_is_lr)
        tools.show_is_lr(session.is_lr)
        session.images_chosen.connect(self._show_series)
        session.error.connect(self._mark_unreadable)
        self.strip.chosen.connect(session.open_image)

    # -- following the session

    def _show_image(self, image: OpenedImage) -> None:
        before = self.state.image
        same_series = before is not None and before.path in self.strip and image.path in self.strip
        same_kind = before is not None and (before.hr is None) == (image.hr is None)
        self.state.set_image(image, keep_view=same_series and same_kind)
        self.strip.set_current(image.path)
        self.stack.setCurrentWidget(self.board.grid)
        self.status.left.setText(image_text(image))
        self.status.left.setToolTip(str(image.path))
        self._refresh_if_visible()

    def _follow_library(self, workspace: str) -> None:
        if workspace == "Compare":
            self._follow_models()

    def _follow_models(self) -> None:
        self.strip.forget_differences()
        self._refresh_if_visible()

    def _refresh_if_visible(self) -> None:
        if self.isVisible():
            self.refresh()
        else:
            self._is_stale = True
            self.runner.cancel()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._is_stale:
            self.refresh()

    # -- the filmstrip

    def _show_series(self, paths: list[Path], labels: list[str]) -> None:
        self.strip.show_images(paths, labels)
        self.strip.step(1)

    def _mark_unreadable(self, problem: Problem) -> None:
        if problem.path is not None and problem.path == self.strip.current:
            shown = self.session.image
            self.strip.mark_unreadable(None if shown is None else shown.path)

    # -- showing the state

    def _show_panes(self) -> None:
        state, keys = self.state, self.state.keys
        opened = state.image is not None
        self.split_bar.setVisible(opened and SPLIT in keys)
        self.difference_bar.setVisible(opened and DIFFERENCE in keys)
        self.tone_bar.setVisible(opened and self.actions["tone"].isChecked())
        if not opened:
            return
        labels = {key: state.label(key) for key in state.result_keys}
        if len(labels) > 1:
            self.split_bar.show_choice(state.split, labels)
            self.difference_bar.show_choice(state.difference, labels)
        self.stack.setCurrentWidget(self.board.grid if keys else self.no_panes)

    def _show_progress(self, event: PaneEvent) -> None:
        if isinstance(event, PaneProgress) and event.progress.note:
            self.session.announce(f"{self.state.label(event.key)}: {event.progress.note}")
        state, shown = self.state, self.state.result_keys
        final = {key for key, result in state.results.items() if result.final}
        done, total = len(final.union(state.failures).intersection(shown)), len(shown)
        if self.runner.results.running and done < total:
            self.status.show_busy(f"{done} of {total} done", done, total)

    def _show_position(self) -> None:
        at = self.camera.cursor
        pixel = self.board.pixel(self.board.key_at_mouse, at)
        colour = "" if pixel is None else f"{hex_text(pixel)} · "
        position = "" if at is None else f"x {int(at.x())}, y {int(at.y())} · {colour}"
        self.status.right.setText(f"{position}{self.camera.percent:.0f} %")

    # -- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._use_key(event):
            super().keyPressEvent(event)

    def _use_key(self, event: QKeyEvent) -> bool:
        return self.state.image is not None and (
            self._hold_space(event, True) or self.board.grid.press(event) or self.actions.handle(event)
        )

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if not (self._hold_space(event, False) or self.board.grid.release(event)):
            super().keyReleaseEvent(event)

    def _hold_space(self, event: QKeyEvent, pressed: bool) -> bool:
        """Pan while Space is held, and flip between panes if it wasn't used so; False for other keys."""
        camera = self.camera
        if event.key() != Qt.Key.Key_Space:
            return False
        if not event.isAutoRepeat():
            if not pressed and camera.pan_override and not camera.pan_override_used:
                self.board.grid.flip()
            camera.pan_override, camera.pan_override_used = pressed, False
        return True

    def _let_go(self) -> None:
        self.camera.pan_override = False
        self.board.grid.let_go()
