"""What a person changes about the panes: adding, closing, moving; and how it is undone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog

from fakd_core.data.folders import IMAGE_SUFFIXES
from fakd_gui.compare.state import DIFFERENCE, SPLIT
from fakd_gui.compare.work import LR, picture_key

if TYPE_CHECKING:
    from fakd_gui.compare.panel import ComparePanel


class PaneChanges:
    """Changes the line-up of `panel`, which then makes what is missing."""

    def __init__(self, panel: ComparePanel) -> None:
        self._panel = panel
        self._pictures: dict[Path, list[str]] = {}
        """Panes of image files, by the image they were added to."""

    def pictures_of(self, image: Path) -> list[str]:
        """The keys of the panes with other tools' pictures of `image`."""
        return self._pictures.get(image, [])

    def choose_pictures(self) -> None:
        """Ask for image files to show in panes of their own."""
        pattern = " ".join(f"*{suffix}" for suffix in sorted(IMAGE_SUFFIXES))
        names, _ = QFileDialog.getOpenFileNames(
            self._panel, "Add an image as a pane", "", f"Images ({pattern})"
        )
        for name in names:
            self.add_picture(Path(name))

    def add_picture(self, path: Path) -> None:
        """Show the file `path` in a pane of its own: another tool's result for the image that is open."""
        panel = self._panel
        image = panel.session.image
        if image is None:
            panel.session.report("Open an image first; then add another tool's picture of it.")
            return
        keys = self._pictures.setdefault(image.path, [])
        if picture_key(path) not in keys:
            keys.append(picture_key(path))
        panel.board.pane_set.closed.discard(picture_key(path))
        panel.refresh()

    def show(self, key: str, shown: bool) -> None:
        """Show the pane `key`, or close it; undo is offered."""
        closed = self._panel.board.pane_set.closed
        if not shown:
            self.close(key)
        elif key in closed:
            closed.discard(key)
            self._panel.refresh()

    def show_all(self) -> None:
        """Bring back every pane but LR's, which nobody misses until they ask for it."""
        self._panel.board.pane_set.closed = {LR}
        self._panel.refresh()

    def close(self, key: str) -> None:
        """Take the pane `key` out of the comparison; what it showed is not lost."""
        panel, pane_set = self._panel, self._panel.board.pane_set
        if key == SPLIT:
            panel.set_split(None)
        elif key == DIFFERENCE:
            panel.set_difference(None)
        elif key in pane_set.keys:
            title = pane_set.title(key)
            pane_set.closed.add(key)
            panel.refresh()
            panel.session.offer_undo(f"Closed {title}", lambda: self.show(key, True), lambda: self.close(key))

    def remove_student(self, ref: str) -> None:
        """Take a student out of every workspace; undo brings it back to its place."""
        session = self._panel.session
        before, label = list(session.students), self._panel.board.label(ref)
        session.remove_student(ref)

        def take_back() -> None:
            later = [other for other in session.students if other not in before]
            session.students = [*before, *later]
            session.students_changed.emit(session.students)

        session.offer_undo(f"Removed {label}", take_back, lambda: self.remove_student(ref))

    def move(self, start: int, place: int) -> None:
        """Bring the pane number `start` to the place number `place`."""
        board = self._panel.board
        board.pane_set.move(board.keys[start], place)
        self._panel.arrange()
