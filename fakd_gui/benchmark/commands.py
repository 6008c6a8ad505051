"""The commands of the Benchmark workspace: measuring, sorting, copying, saving and opening tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import partial

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from fakd_core.evaluation.report_export import Selection, to_csv, to_csv_per_image, to_latex, to_markdown
from fakd_core.evaluation.report_file import to_document
from fakd_core.files import write_text
from fakd_gui.benchmark.image_list import ImageList
from fakd_gui.benchmark.runner import BenchmarkRunner
from fakd_gui.benchmark.state import BenchmarkState
from fakd_gui.benchmark.table import ResultTable
from fakd_gui.widgets.actions import ActionTable, Command, Gesture
from fakd_gui.widgets.file_dialogs import ask_open_path, ask_save_path

RUN_TIP = "Measure the shown models on the checked sets\nKnown results are not measured again"
NOT_READY_TIP = "Check at least one model and one set"
CHOOSE_TIP = "Show or hide the sets to choose from"
IMAGES_TIP = "List the images of the current cell; in the list, show them in Compare"
SORT_TIP = "Sort by the column of the current cell; again to reverse, a third time to clear"
SAVE_TIP = "Save the table as Markdown, LaTeX, CSV, or as results to open again"
OPEN_TIP = "Open a table that was saved as results, or the output of fakd evaluate --json"
RESULTS = "Results, to open again"


def _to_results(selection: Selection) -> str:
    return json.dumps(to_document(selection.report, datetime.now()), indent=1, allow_nan=False)


FORMATS: dict[str, tuple[str, Callable[[Selection], str]]] = {
    "Markdown": (".md", to_markdown),
    "LaTeX": (".tex", to_latex),
    "CSV": (".csv", to_csv),
    "CSV by image": (".csv", to_csv_per_image),
    RESULTS: (".json", _to_results),
}
COPIES = {name: f"copy_{name.lower().replace(' ', '_')}" for name in FORMATS if name != RESULTS}
"""The command that copies each format, but for results."""
COMMANDS = (
    Command("run", "&Run", RUN_TIP, keys=("F5",)),
    Command("choose", "Sets", CHOOSE_TIP, icon="dock-left", checkable=True),
    Command("images", "Images", IMAGES_TIP, keys=("Return", "Enter"), unfocused=True),
    Command("close_images", "Close the list of images", icon="close", keys=("Esc",), unfocused=True),
    Command("sort", "Sort", SORT_TIP, keys=("S",)),
    Command(COPIES["Markdown"], "&Markdown", "Copy the table as Markdown", keys=("Ctrl+C",)),
    Command(COPIES["LaTeX"], "&LaTeX", "Copy the table as LaTeX", keys=("Ctrl+Shift+C",)),
    Command(COPIES["CSV"], "&CSV", "Copy the table as CSV, one line per model and set"),
    Command(COPIES["CSV by image"], "CSV by &image", "Copy the table as CSV, one line per image"),
    Command("save", "&Save…", SAVE_TIP, keys=("Ctrl+S",)),
    Command("open", "&Open…", OPEN_TIP),
)


def create_actions(
    widget: QWidget, *, state: BenchmarkState, runner: BenchmarkRunner, table: ResultTable, images: ImageList
) -> ActionTable:
    """The actions of the panel `widget`, connected with what they act on."""
    delete = Gesture("Delete", "remove an added model or set from its list")
    actions = ActionTable("Benchmark", COMMANDS, widget, gestures=(delete,))

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

    def open_results() -> None:
        if path := ask_open_path(widget, "Open results", "Results", (".json",)):
            runner.open(path)

    def enable(*_: object) -> None:
        actions["run"].setEnabled(state.is_ready and not runner.evaluation.running)
        actions.set_tip("run", RUN_TIP if state.is_ready else NOT_READY_TIP)
        # With no list open, Escape belongs to the window.
        actions["close_images"].setEnabled(state.image_cell is not None)
        for name in (*COPIES.values(), "save"):
            actions[name].setEnabled(bool(state.report.results))

    for name, run in (
        ("run", runner.run),
        ("images", show_images),
        ("close_images", close_images),
        ("sort", table.sort_by_current),
        ("save", partial(_save, state, table)),
        ("open", open_results),
    ):
        actions.on(name, run)
    for name, command in COPIES.items():
        actions.on(command, partial(_copy, state, table, name))
    for changed in (state.choices_changed, state.report_changed, state.results_changed, state.images_changed):
        changed.connect(enable)
    runner.evaluation.busy.connect(enable)
    enable()
    return actions


def _copy(state: BenchmarkState, table: ResultTable, name: str) -> None:
    """Put the table on the clipboard in the format `name`."""
    selection = table.table_model.selection()
    QGuiApplication.clipboard().setText(FORMATS[name][1](selection))
    measured = sum(not row.published for row in selection.rows)
    published = len(selection.rows) - measured if name != "CSV by image" else 0
    more = f" and {published} published" if published else ""
    state.session.announce(f"Copied {measured} {'row' if measured == 1 else 'rows'}{more} as {name}")


def _save(state: BenchmarkState, table: ResultTable) -> None:
    """Ask for a file, and write the table in the format of its suffix."""
    kinds = {name: suffix for name, (suffix, _) in FORMATS.items()}
    if chosen := ask_save_path(table, "Save the table", "benchmark.md", kinds):
        path, name = chosen
        try:
            write_text(path, FORMATS[name][1](table.table_model.selection()))
        except OSError as error:
            text = f"{path}: can't be written ({error.strerror}); choose another place"
            state.session.report(text, path)
        else:
            state.session.announce(f"Wrote {path.name}")
