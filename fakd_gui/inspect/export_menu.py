"""The inspector's Export menu."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication, QPixmap
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from fakd_core.data.image_files import write_image
from fakd_core.errors import DataError
from fakd_core.events import CancelToken
from fakd_gui.inspect.board import coloured
from fakd_gui.inspect.export import Export, safe_name, write_maps, write_values
from fakd_gui.inspect.layout import InspectLayout
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.session import Session
from fakd_gui.widgets.convert import array_from_qimage
from fakd_gui.widgets.file_dialogs import ask_save_path


class ExportMenu(QObject):
    """Asks where to, and writes on a thread; what was written, or why not, is said by the session.

    `collect` gives the maps shown (None while there are none), `grab` a picture of the panes.
    """

    def __init__(
        self,
        session: Session,
        parent: QWidget,
        collect: Callable[[], Export | None],
        grab: Callable[[], QPixmap],
        open_figure: Callable[[], None],
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._owner = parent
        self._collect = collect
        self._grab = grab
        self._folder = Path()
        self._writing = LatestWins("export", self)
        self._writing.result.connect(lambda said: session.announce(str(said)))
        self._writing.failed.connect(session.error)
        self.menu = QMenu(parent)
        self.menu.setToolTipsVisible(True)
        self.menu.addAction("Copy the panes\tCtrl+C", self.copy)
        self.menu.addAction("Panes as shown (PNG)…", self.save_panes)
        self.menu.addAction("Every map alone, full size (PNG)…", self.save_maps)
        self.menu.addAction("Values (CSV, NumPy)…", self.save_values)
        self.menu.addSeparator()
        self.menu.addAction("Figure…", open_figure)
        self.menu.aboutToShow.connect(self._enable)

    def copy(self) -> None:
        """Put a picture of the panes on the clipboard, once there are maps."""
        if self._collect() is None:
            return
        QGuiApplication.clipboard().setPixmap(self._grab())
        self._session.announce("Copied the panes as a picture")

    def save_panes(self) -> None:
        export, picture = self._collect(), self._grab().toImage()
        if export is None:
            return
        path = self._ask_file("Save the panes", f"{self._stem(export)}.png", {"PNG": ".png"})
        if path is None:
            return

        def write() -> str:
            write_image(path, array_from_qimage(picture))
            return f"Wrote {path.name}"

        self._write(path, write)

    def save_maps(self) -> None:
        export = self._collect()
        if export is None:
            return
        folder = QFileDialog.getExistingDirectory(self._owner, "Folder for the maps", str(self._folder))
        if not folder:
            return
        self._folder = Path(folder)

        def write() -> str:
            written = write_maps(export, Path(folder))
            return f"Wrote {len(written)} maps to {Path(folder).name}"

        self._write(Path(folder), write)

    def save_values(self) -> None:
        export = self._collect()
        if export is None:
            return
        kinds = {"CSV": ".csv", "NumPy arrays": ".npz"}
        path = self._ask_file("Save the values", f"{self._stem(export)}.csv", kinds)
        if path is None:
            return

        def write() -> str:
            write_values(export, path)
            return f"Wrote {path.name}"

        self._write(path, write)

    def _write(self, path: Path, write: Callable[[], str]) -> None:
        def work(token: CancelToken) -> str:
            try:
                return write()
            except OSError as error:
                reason = error.strerror or str(error)
                raise DataError(f"{path}: can't be written ({reason}); choose another place") from error

        self._writing.submit(work)

    def _ask_file(self, title: str, name: str, kinds: Mapping[str, str]) -> Path | None:
        answer = ask_save_path(self._owner, title, self._folder / name, kinds)
        if answer is None:
            return None
        path, _ = answer
        self._folder = path.parent
        return path

    def _stem(self, export: Export) -> str:
        y, x = export.query
        return f"{safe_name(Path(export.image).stem)}-layer{export.layer}-y{y}-x{x}"

    def _enable(self) -> None:
        there = self._collect() is not None
        for action in self.menu.actions():
            action.setEnabled(there)


def collect(panel: InspectLayout) -> Export | None:
    """The maps as they are shown; None while there are none."""
    board, image = panel.board, panel.session.image
    if image is None or board.window is None or not board.rows:
        return None
    labels = {key: board.title(key) for key in board.panes if key in board.rows}
    pictures = {
        label: coloured(board.rows[key], key not in board.models, panel.look())
        for key, label in labels.items()
    }
    shown = panel.matrix.matrices if not panel.matrix.isHidden() else None
    found = {} if shown is None else shown.values
    matrices = {labels[key]: matrix for key, matrix in found.items() if key in labels}
    drawn = {} if shown is None else shown.pictures
    return Export(
        image.name,
        panel.controls.layer,
        panel.asked.shown,
        board.window,
        {label: board.rows[key] for key, label in labels.items()},
        pictures,
        image.scale,
        None if shown is None else shown.wanted.region,
        matrices,
        {labels[key]: matrix for key, matrix in drawn.items() if key in labels},
    )


def picture(panel: InspectLayout) -> QPixmap:
    """The panes with their headers, and the scales below them."""
    return panel.content.grab(panel.splitter.geometry().united(panel.below.geometry()))


def open_figure(panel: InspectLayout) -> None:
    """Open the dialog for a paper's figure of these maps."""
    from fakd_gui.figure.open_dialog import open_affinity_figure

    session, image = panel.session, panel.session.image
    files = {source.ref: source.file for source in panel.timeline.sources()}
    students = [str(files.get(ref) or ref) for ref in panel.board.students]
    if image is not None:
        layer, query = panel.controls.layer, panel.asked.pinned
        open_affinity_figure(panel, session, image, session.teacher, students, layer, query)
