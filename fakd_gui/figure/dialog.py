"""The dialog of a figure: its settings on the left, the page as it will be on the right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from fakd_core.errors import ConfigError
from fakd_core.events import CancelToken, Image8, Progress
from fakd_core.figures.spec import HR, AffinityFigure, CropFigure, FigureSpec
from fakd_gui.figure.form import FigureForm
from fakd_gui.session.jobs import LatestWins, stop_all
from fakd_gui.session.opened_image import OpenedImage
from fakd_gui.session.problem import Problem, bug_report
from fakd_gui.session.session import Session
from fakd_gui.widgets.convert import qpixmap_from_array
from fakd_gui.widgets.file_dialogs import ask_save_path
from fakd_gui.widgets.theme import restyle

if TYPE_CHECKING:
    from fakd_core.figures.draw import FigureWritten
    from fakd_core.figures.inputs import FigureInputs

PREVIEW_DPI = 150


def open_crop_figure(
    parent: QWidget,
    session: Session,
    image: OpenedImage,
    *,
    models: Sequence[str],
    region: tuple[int, int, int, int] | None,
) -> None:
    """Open the dialog for a grid of crops of `image` by `models`, and HR where it is known.

    `region` is x, y, width, height in HR pixels; without one, a square in the middle is used.
    """
    height, width = image.hr_size
    side = max(1, min(height, width, max(32, min(height, width) // 5)))
    box = region or ((width - side) // 2, (height - side) // 2, side, side)
    shown = [ref for ref in dict.fromkeys(models) if ref != HR] + [HR] * (image.hr is not None)
    _open(parent, session, lambda: CropFigure.build(**_source(image), regions=(box,), models=tuple(shown)))


def open_affinity_figure(
    parent: QWidget,
    session: Session,
    image: OpenedImage,
    *,
    teacher: str,
    students: Sequence[str],
    layer: int,
    query: tuple[int, int],
) -> None:
    """Open the dialog for the affinity maps of the LR pixel `query` (y, x) at feature tap `layer`."""
    if not teacher or not students:
        session.report("A figure of affinities needs a teacher and a student: choose both first.")
        return
    models = {"teacher": teacher, "students": tuple(students)}
    _open(parent, session, lambda: AffinityFigure.build(**_source(image), **models, layer=layer, query=query))


def _source(image: OpenedImage) -> dict[str, Any]:
    return {"image": image.path, "image_is": "lr" if image.hr is None else "hr", "scale": image.scale}


def _open(parent: QWidget, session: Session, build: Callable[[], FigureSpec]) -> None:
    try:
        spec = build()
    except ConfigError as error:
        session.report(f"No figure can be made: {error}")
        return
    FigureDialog(session, spec, parent).show()


class FigureDialog(QDialog):
    """Not modal. Every change is drawn on a thread, the latest wins; networks run once."""

    def __init__(self, session: Session, spec: FigureSpec, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Figure of {spec.image.name}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(False)
        self._session = session
        self._inputs: FigureInputs | None = None
        self._problem: Problem | None = None
        self._unsaved = False
        """The figure is being saved, and isn't on the disk yet."""
        self.pixels: Image8 | None = None
        """The page as previewed, (H, W, 3)."""
        self.form = FigureForm(spec)
        self.form.changed.connect(self.refresh)
        self.preview = _Preview()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.stop_button = _button("Stop", "Stop drawing or saving", self.stop)
        self.details_button = _button(
            "Copy details", "Copy the traceback and version info for a bug report", self.copy_details
        )
        self.save_button = _button("Save…", "Write PNG or PDF, and the recipe beside it", self.choose_file)
        self.save_button.setProperty("role", "primary")
        self._drawing = LatestWins("draw the figure", self)
        self._saving = LatestWins("save the figure", self)
        self._drawing.yielded.connect(self._take_drawing)
        self._saving.yielded.connect(self._take_saving)
        for worker in (self._drawing, self._saving):
            worker.failed.connect(self._show_problem)
            worker.busy.connect(lambda _: self._follow_jobs())
        self._lay_out()
        self.refresh()

    def _lay_out(self) -> None:
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.form)
        scroll.setFixedWidth(290)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        upper, lower = QHBoxLayout(), QHBoxLayout()
        upper.addWidget(scroll)
        upper.addWidget(self.preview, 1)
        lower.addWidget(self.status, 1)
        for button in (
            self.stop_button,
            self.details_button,
            _button("Copy command", "Copy the command line that makes this figure again", self.copy_command),
            _button("Copy recipe", "Copy the TOML that makes this figure again", self.copy_recipe),
            _button("Copy picture", "Copy the preview", self.copy_picture),
            self.save_button,
        ):
            lower.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addLayout(upper, 1)
        layout.addLayout(lower)
        self.resize(960, 560)

    # -- jobs ----------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Draw the figure that the form describes."""
        spec = self._spec()
        if spec is None:
            self._drawing.cancel()
            return
        self._show_status("Drawing…")

        def work(token: CancelToken) -> Iterator[Progress | Image8]:
            from fakd_core.figures.draw import compose
            from fakd_core.figures.inputs import FigureInputs
            from fakd_core.figures.rendering import page_pixels

            self._inputs = self._inputs or FigureInputs(self._session.models.get)
            for event in compose(spec, self._inputs, token):
                yield event if isinstance(event, Progress) else page_pixels(event, PREVIEW_DPI)

        self._drawing.submit(work)

    def choose_file(self) -> None:
        """Ask for a file and write the figure to it."""
        spec = self._spec()
        if spec is None:
            return
        suggested = spec.image.with_name(f"{spec.image.stem}-figure.png")
        answer = ask_save_path(self, "Save the figure", suggested, {"PNG": ".png", "PDF": ".pdf"})
        if answer is not None:
            self.save(answer[0])

    def save(self, path: Path) -> None:
        """Write the figure to `path`, PNG or PDF, and its recipe beside it."""
        spec = self._spec()
        if spec is None:
            return
        self._unsaved = True
        self._show_status("Saving…")

        def work(token: CancelToken) -> Iterator[Progress | FigureWritten]:
            from fakd_core.figures.draw import draw
            from fakd_core.figures.inputs import FigureInputs

            yield from draw(spec, path, inputs=FigureInputs(self._session.models.get), cancel=token)

        self._saving.submit(work)

    def stop(self) -> None:
        """Stop drawing and saving."""
        self._drawing.cancel()
        self._saving.cancel()
        self._show_status("Stopped")

    def done(self, result: int) -> None:
        """Close, unless the user wants to wait for the figure to be saved; the threads end before."""
        if self._unsaved and not self._may_discard():
            return
        stop_all(self)
        super().done(result)

    def _follow_jobs(self) -> None:
        self._unsaved = self._unsaved and self._saving.running
        self.stop_button.setVisible(self._drawing.running or self._saving.running)

    def _may_discard(self) -> bool:
        answer = QMessageBox.question(
            self,
            "Close the figure",
            "Close anyway? The figure has not been saved.",
            QMessageBox.StandardButton.Close | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        return answer is QMessageBox.StandardButton.Close

    def _take_drawing(self, event: Progress | Image8) -> None:
        if not isinstance(event, Progress):
            self.pixels = event
            self.preview.show_page(qpixmap_from_array(event))
        # A message about saving stays.
        if self.status.text().startswith("Drawing"):
            self._show_status(f"Drawing: {event.what}…" if isinstance(event, Progress) else "")

    def _take_saving(self, event: Progress | FigureWritten) -> None:
        if isinstance(event, Progress):
            self._show_status(f"Saving: {event.what}…")
            return
        self._unsaved = False
        message = f"Wrote {event.figure.name} and its recipe"
        self._show_status(message)
        self._session.announce(message)

    def _spec(self) -> FigureSpec | None:
        try:
            return self.form.spec()
        except ConfigError as error:
            self._show_problem(Problem.of(error))
            return None

    def _show_problem(self, problem: Problem) -> None:
        self._session.note(problem)
        self._show_status(problem.text, problem)

    def _show_status(self, text: str, problem: Problem | None = None) -> None:
        self._problem = problem
        self.status.setText(text)
        self.details_button.setVisible(problem is not None and bool(problem.details))
        restyle(self.status, role="error" if problem else "muted")

    # -- the clipboard -------------------------------------------------------------------------------

    def copy_picture(self) -> None:
        if self.pixels is not None:
            QGuiApplication.clipboard().setPixmap(qpixmap_from_array(self.pixels))
            self._session.announce("Copied the figure as a picture")

    def copy_recipe(self) -> None:
        from fakd_core.figures.spec_file import spec_text

        if (spec := self._spec()) is not None:
            # Not in a folder yet: absolute paths work from any.
            QGuiApplication.clipboard().setText(spec_text(spec, Path(spec.image.anchor)))
            self._session.announce("Copied the recipe")

    def copy_command(self) -> None:
        from fakd_core.figures.spec_file import spec_command

        if (spec := self._spec()) is not None:
            QGuiApplication.clipboard().setText(spec_command(spec))
            self._session.announce("Copied the command line")

    def copy_details(self) -> None:
        """Copy the details of the problem that is shown."""
        if self._problem is not None:
            QGuiApplication.clipboard().setText(bug_report(self._problem))


def _button(text: str, tip: str, act: Callable[[], object]) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setAutoDefault(False)
    button.clicked.connect(lambda _: act())
    return button


class _Preview(QWidget):
    """The page, as large as it fits, on white."""

    def __init__(self) -> None:
        super().__init__()
        self._page: QPixmap | None = None
        self.setAccessibleName("Preview of the figure")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(QSize(300, 200))

    def show_page(self, page: QPixmap) -> None:
        self._page = page
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._page is None:
            return
        size = self._page.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        left, top = (self.width() - size.width()) // 2, (self.height() - size.height()) // 2
        painter.drawPixmap(left, top, size.width(), size.height(), self._page)
