"""The Panes menu of Compare: what can be added, shown and removed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QMenu

from fakd_core.runs.references import bundled_models, model_labels
from fakd_gui.compare.state import CompareState
from fakd_gui.widgets.file_dialogs import ask_folder, ask_images, ask_model


def fill_panes_menu(menu: QMenu, state: CompareState) -> None:
    """List what is possible now."""
    session, window = state.session, menu.parentWidget()

    def add_student(path: Path | None) -> None:
        if path is not None:
            session.add_student(str(path))

    def add_pictures() -> None:
        for path in ask_images(window, "Add an image as a pane"):
            state.add_picture(path)

    menu.clear()
    menu.addAction("Add a model file…", lambda: add_student(ask_model(window, "Add a model")))
    menu.addAction("Add a run folder…", lambda: add_student(ask_folder(window, "Add a run folder")))
    picture = menu.addAction("Add an image as a pane…", add_pictures)
    picture.setToolTip("A picture of the same scene from another tool, of HR size or of LR size")
    picture.setEnabled(state.image is not None)
    for name in bundled_models():
        if name not in (session.teacher, *session.students):
            menu.addAction(f"Add {name}", partial(session.add_student, name))
    if state.image is not None:
        menu.addSection("Shown")
        for key in state.available:
            closed = key in state.closed
            toggle = partial(state.show_pane if closed else state.close_pane, key)
            shown = menu.addAction(state.title(key), toggle)
            shown.setCheckable(True)
            shown.setChecked(not closed)
    if session.students:
        menu.addSection("Everywhere")
    for ref, label in model_labels(session.students).items():
        menu.addAction(f"Remove {label}", partial(state.remove_student, ref))
