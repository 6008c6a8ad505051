"""The menu of the panes that the image has itself; the library shows and hides models and pictures."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QMenu

from fakd_gui.compare.panes import BICUBIC, HR, LABELS, LR
from fakd_gui.compare.state import CompareState
from fakd_gui.widgets.file_dialogs import ask_images


def fill_panes_menu(menu: QMenu, state: CompareState) -> None:
    """List what is possible now."""
    menu.clear()
    has_hr = state.image is not None and state.image.hr is not None
    for key in (LR, BICUBIC, HR):
        shown = key in state.result_keys
        entry = menu.addAction(LABELS[key], partial(state.close_pane if shown else state.show_pane, key))
        entry.setCheckable(True)
        entry.setChecked(shown)
        entry.setEnabled(state.image is not None and (key != HR or has_hr))
    menu.addSeparator()

    def add_pictures() -> None:
        for path in ask_images(menu.parentWidget(), "Add another tool's picture"):
            state.add_picture(path)

    picture = menu.addAction("Add another tool's picture…", add_pictures)
    picture.setToolTip("A picture of the same scene from another tool, of HR size or of LR size")
    picture.setEnabled(state.image is not None)
