"""The menu that adds a model to the comparison, or takes one away."""

from __future__ import annotations

from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from fakd_gui.session import Session
from fakd_gui.widgets.image_opener import MODEL_SUFFIXES
from fakd_gui.widgets.names import model_labels


class ModelsMenu(QMenu):
    """A checkpoint, a run folder or a bundled model becomes a student of the session."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self.aboutToShow.connect(self.fill)

    def fill(self) -> None:
        """List what can be added and removed now."""
        from fakd_core.catalogue import bundled_models

        session = self._session
        self.clear()
        self.addAction("Add a model file…").triggered.connect(self._choose_file)
        self.addAction("Add a run folder…").triggered.connect(self._choose_run)
        for name in bundled_models():
            if name not in (session.teacher, *session.students):
                adding = self.addAction(f"Add {name}")
                adding.triggered.connect(lambda _=False, ref=name: session.add_student(ref))
        if session.students:
            self.addSeparator()
        for ref, label in model_labels(session.students).items():
            removing = self.addAction(f"Remove {label}")
            removing.triggered.connect(lambda _=False, chosen=ref: session.remove_student(chosen))

    def _choose_file(self) -> None:
        pattern = " ".join(f"*{suffix}" for suffix in MODEL_SUFFIXES)
        kinds = f"Models ({pattern});;All files (*)"
        name, _ = QFileDialog.getOpenFileName(self.parentWidget(), "Add a model", "", kinds)
        if name:
            self._session.add_student(name)

    def _choose_run(self) -> None:
        name = QFileDialog.getExistingDirectory(self.parentWidget(), "Add a run folder")
        if name:
            self._session.add_student(name)
