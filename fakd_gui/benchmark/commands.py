"""The commands of the Benchmark workspace: measuring, sorting, copying, saving and opening tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from fakd_core.evaluation.report_export import (
    Selection,
    to_csv,
    to_csv_per_image,
    to_latex,
    to_markdown,
)
from fakd_core.evaluation.report_file import to_document
from fakd_core.files import write_text
from fakd_gui.benchmark.runner import BenchmarkRunner
from fakd_gui.benchmark.state import BenchmarkState
from fakd_gui.widgets.actions import ActionTable, Command, Gesture
from fakd_gui.widgets.file_dialogs import ask_open_path, ask_save_path

if TYPE_CHECKING:
    from fakd_gui.benchmark.image_list import ImageList
    from fakd_gui.benchmark.table import ResultTable

RUN_TIP = "Measure the checked models on the checked sets\nKnown results are not measured again"
NOT_READY_TIP = "Check at least one model and one set"
FORMATS: dict[str, tuple[str, Callable[[Selection], str]]] = {
    "Markdown": (".md", to_markdown),
    "LaTeX": (".tex", to_latex),
    "CSV": (".csv", to_csv),
    "CSV by image": (".csv", to_csv_per_image),
}
RESULTS = "Results, to open again"
COPIES = {name: f"copy_{name.lower().replace(' ', '_')}" for name in FORMATS}
"""The command that copies each format."""
OPEN_TIP = "Open a table that was saved as results, or the output of fakd evaluate --json"
COMMANDS = (
    Command("run", "&Run", RUN_TIP, keys=("F5",)),
    Command(
        "choose",
        "Models and sets",
        "Show or hide the models and sets to choose from",
        icon="dock-left",
        checkable=True,
    ),
    Command(
        "images",
        "Images",
        "List the images behind the current cell; in the list, show them in Compare",
        keys=("Return", "Enter"),
        unfocused=True,
    ),
    Command("close_images", "Close the list of images", keys=("Esc",), unfocused=True),
    Command(
        "sort",
        "Sort",
        "Sort by the column of the current cell; again to reverse, a third time to clear",
        keys=("S",),
    ),
    Command(COPIES["Markdown"], "&Markdown", "Copy the table as Markdown", keys=("Ctrl+C",)),
    Command(COPIES["LaTeX"], "&LaTeX", "Copy the table as LaTeX", keys=("Ctrl+Shift+C",)),
    Command(COPIES["CSV"], "&CSV", "Copy the table as CSV, one line per model and set"),
    Command(COPIES["CSV by image"], "CSV by &image", "Copy the table as CSV, one line per image"),
    Command(
        "save",
        "&Save…",
        "Save the table as Markdown, LaTeX, CSV, or as results to open again",
        keys=("Ctrl+S",),
    ),
    Command("open", "&Open…", OPEN_TIP),
)
GESTURES = (Gesture("Delete", "remove an added model or set from its list"),)


def create_actions(
    widget: QWidget, *, state: BenchmarkState, runner: BenchmarkRunner, table: ResultTable, images: ImageList
) -> ActionTable:
    """The actions of the panel `widget`, connected with what they act on."""
    actions = ActionTable("Benchmark", COMMANDS, widget, gestures=GESTURES)
    selection = table.table_model.selection
    for name, command in COPIES.items():
        actions.on(command, lambda name=name: _copy(state, selection(), name))
    actions.on("run", runner.run)
    actions["choose"].triggered.connect(state.show_chooser)
    state.chooser_toggled.connect(actions["choose"].setChecked)
    actions["choose"].setChecked(state.chooser_shown)
    actions.on("sort", table.sort_by_current)
    actions.on("save", lambda: _save(widget, state, selection()))
    actions.on("open", lambda: _open(widget, runner))

    def show_images() -> None:
        if images.table.hasFocus():
            runner.show_in_compare(images.table.currentRow())
        elif table.hasFocus():
            table.list_images(table.currentIndex())
            if state.image_cell is not None:
                images.table.setFocus()

    def close_images() -> None:
        state.list_images(None)
        table.setFocus()

    def enable() -> None:
        actions["run"].setEnabled(state.is_ready and not runner.running)
        actions.set_tip("run", RUN_TIP if state.is_ready else NOT_READY_TIP)
        # With no list open, Escape belongs to the window.
        actions["close_images"].setEnabled(state.image_cell is not None)
        for name in (*COPIES.values(), "save"):
            actions[name].setEnabled(bool(state.report.results))

    actions.on("images", show_images)
    actions.on("close_images", close_images)
    for changed in (state.models_changed, state.sets_changed, state.report_changed, state.results_changed):
        changed.connect(enable)
    state.images_changed.connect(enable)
    runner.busy.connect(lambda _: enable())
    enable()
    return actions


def _copy(state: BenchmarkState, selection: Selection, name: str) -> None:
    """Put the table on the clipboard in the format `name`."""
    QGuiApplication.clipboard().setText(FORMATS[name][1](selection))
    measured = sum(not row.published for row in selection.rows)
    published = len(selection.rows) - measured if name != "CSV by image" else 0
    more = f" and {published} published" if published else ""
    state.session.announce(f"Copied {measured} {'row' if measured == 1 else 'rows'}{more} as {name}")


def _save(parent: QWidget, state: BenchmarkState, selection: Selection) -> None:
    """Ask for a file, and write the table in the format of its suffix."""
    kinds = {name: suffix for name, (suffix, _) in FORMATS.items()} | {RESULTS: ".json"}
    chosen = ask_save_path(parent, "Save the table", "benchmark.md", kinds)
    if chosen is None:
        return
    path, name = chosen
    if name == RESULTS:
        text = json.dumps(to_document(state.report, datetime.now()), indent=1, allow_nan=False)
    else:
        text = FORMATS[name][1](selection)
    try:
        write_text(path, text)
    except OSError as error:
        state.session.report(f"{path}: can't be written ({error.strerror}); choose another place", path)
        return
    state.session.announce(f"Wrote {path.name}")


def _open(parent: QWidget, runner: BenchmarkRunner) -> None:
    if path := ask_open_path(parent, "Open results", "Results", (".json",)):
        runner.open(path)
