"""The dialog of a figure: its settings on the left, the page as it will be on the right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from fakd_core.errors import ConfigError
from fakd_core.events import CancelToken, Image8, Progress
from fakd_core.figures import draw as drawing
from fakd_core.figures.inputs import FigureInputs
from fakd_core.figures.rendering import page_pixels
from fakd_core.figures.spec import HR, AffinityFigure, CropFigure, FigureSpec
from fakd_core.figures.spec_file import spec_command, spec_text
from fakd_gui.figure.form import FigureForm
from fakd_gui.session.jobs import InTurn, LatestWins
from fakd_gui.session.opened_image import OpenedImage
from fakd_gui.session.problem import Problem, bug_report
from fakd_gui.session.session import Session
from fakd_gui.widgets.camera import Camera
from fakd_gui.widgets.convert import qimage_from_array
from fakd_gui.widgets.file_dialogs import ask_save_path
from fakd_gui.widgets.image_canvas import ImageCanvas
from fakd_gui.widgets.overlays import Overlay
from fakd_gui.widgets.theme import restyle

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
    _open(parent, session, image, CropFigure, regions=(box,), models=shown)


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
    values = {"teacher": teacher, "students": students, "layer": layer, "query": query}
    _open(parent, session, image, AffinityFigure, **values)


def _open(
    parent: QWidget, session: Session, image: OpenedImage, kind: type[FigureSpec], **values: object
) -> None:
    image_is = "lr" if image.hr is None else "hr"
    try:
        spec = kind.build(image=image.path, image_is=image_is, scale=image.scale, **values)
    except ConfigError as error:
        session.report(f"No figure can be made: {error}")
    else:
        FigureDialog(session, spec, parent).show()


class FigureDialog(QDialog):
    """Not modal. Every change is drawn on a thread, the latest wins; networks run once."""

    def __init__(self, session: Session, spec: FigureSpec, parent: QWidget) -> None:
        super().__init__(parent, windowTitle=f"Figure of {spec.image.name}", modal=False)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session = session
        self._inputs = FigureInputs(session.models.get)
        self._problem: Problem | None = None
        self._unsaved = 0
        """The number of figures that are being saved, and aren't on the disk yet."""
        self.pixels: Image8 | None = None
        """The page as previewed, (H, W, 3)."""
        self.form = FigureForm(spec)
        self.form.changed.connect(self.refresh)
        self.preview = ImageCanvas(Camera(self))
        self.preview.camera.set_smooth(True)
        self.preview.setAccessibleName("Preview of the figure")
        self.preview.setMinimumSize(300, 200)
        self.status = QLabel(wordWrap=True)
        button = partial(QPushButton, autoDefault=False)
        self.stop_button = button("Stop", toolTip="Stop drawing or saving", clicked=self.stop)
        tip = "Copy the traceback and version info for a bug report"
        self.details_button = button("Copy details", toolTip=tip, clicked=self.copy_details)
        tip = "Write PNG or PDF, and the recipe beside it"
        self.save_button = button("Save…", toolTip=tip, clicked=self.choose_file)
        self.save_button.setProperty("role", "primary")
        # Children of the session rather than of the dialog, so that closing needn't wait for the threads.
        self._drawing = LatestWins("draw the figure", session)
        self._saving = InTurn("save the figure", session)
        self._drawing.yielded.connect(self._take_drawing)
        self._saving.yielded.connect(self._take_saving)
        for worker in (self._drawing, self._saving):
            worker.failed.connect(self._show_problem)
            worker.busy.connect(self._follow_jobs)  # A lambda would outlive the dialog.
        session.run_moved.connect(self.form.move_run)
        self._lay_out(button)
        self.refresh()

    def _lay_out(self, button: partial[QPushButton]) -> None:
        scroll = QScrollArea(widgetResizable=True, frameShape=QScrollArea.Shape.NoFrame)
        scroll.setWidget(self.form)
        scroll.setFixedWidth(290)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        upper, lower = QHBoxLayout(), QHBoxLayout()
        upper.addWidget(scroll)
        upper.addWidget(self.preview, 1)
        lower.addWidget(self.status, 1)
        tip = "Copy the {} that makes this figure again"
        for widget in (
            self.stop_button,
            self.details_button,
            button("Copy command", toolTip=tip.format("command line"), clicked=self.copy_command),
            button("Copy recipe", toolTip=tip.format("TOML"), clicked=self.copy_recipe),
            button("Copy picture", toolTip="Copy the preview", clicked=self.copy_picture),
            self.save_button,
        ):
            lower.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.addLayout(upper, 1)
        layout.addLayout(lower)
        self.resize(960, 560)

    def refresh(self) -> None:
        spec = self._spec()
        if spec is None:
            self._drawing.cancel()
            return
        self._show_status("Drawing…")

        def work(token: CancelToken) -> Iterator[Progress | Image8]:
            for event in drawing.compose(spec, self._inputs, token):
                yield event if isinstance(event, Progress) else page_pixels(event, PREVIEW_DPI)

        self._drawing.submit(work)

    def choose_file(self) -> None:
        if (spec := self._spec()) is not None:
            suggested = spec.image.with_name(f"{spec.image.stem}-figure.png")
            answer = ask_save_path(self, "Save the figure", suggested, {"PNG": ".png", "PDF": ".pdf"})
            if answer is not None:
                self.save(answer[0])

    def save(self, path: Path) -> None:
        """Write the figure to `path`, PNG or PDF, and its recipe beside it."""
        if (spec := self._spec()) is not None:
            self._unsaved += 1
            self._show_status("Saving…")
            inputs = FigureInputs(self._session.models.get)
            self._saving.submit(lambda token: drawing.draw(spec, path, inputs=inputs, cancel=token))

    def stop(self) -> None:
        self._drawing.cancel()
        self._saving.cancel()
        self._show_status("Stopped")

    def done(self, result: int) -> None:
        """Close, unless the user wants to wait for the figure to be saved; the threads end by themselves."""
        if self._unsaved:
            close, cancel = QMessageBox.StandardButton.Close, QMessageBox.StandardButton.Cancel
            text = "Close anyway? The figure has not been saved."
            if QMessageBox.question(self, "Close the figure", text, close | cancel, cancel) != close:
                return
        for worker in (self._drawing, self._saving):
            worker.retire()
        super().done(result)

    def _follow_jobs(self, _busy: bool) -> None:
        self._unsaved = self._unsaved if self._saving.running else 0
        self.stop_button.setVisible(self._drawing.running or self._saving.running)

    def _take_drawing(self, event: Progress | Image8) -> None:
        if not isinstance(event, Progress):
            self.pixels = event
            height, width = event.shape[:2]
            self.preview.camera.set_scene(width, height)
            self.preview.set_overlays(Overlay(qimage_from_array(event), QRectF(0, 0, width, height)))
        # A message about saving stays.
        if self.status.text().startswith("Drawing"):
            self._show_status(f"Drawing: {event.what}…" if isinstance(event, Progress) else "")

    def _take_saving(self, event: Progress | drawing.FigureWritten) -> None:
        if isinstance(event, Progress):
            self._show_status(f"Saving: {event.what}…")
            return
        self._unsaved -= 1
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

    def copy_picture(self) -> None:
        if self.pixels is not None:
            QGuiApplication.clipboard().setImage(qimage_from_array(self.pixels))
            self._session.announce("Copied the figure as a picture")

    def copy_recipe(self) -> None:
        if (spec := self._spec()) is not None:
            # Not in a folder yet: absolute paths work from any.
            QGuiApplication.clipboard().setText(spec_text(spec, Path(spec.image.anchor)))
            self._session.announce("Copied the recipe")

    def copy_command(self) -> None:
        if (spec := self._spec()) is not None:
            QGuiApplication.clipboard().setText(spec_command(spec))
            self._session.announce("Copied the command line")

    def copy_details(self) -> None:
        if self._problem is not None:
            QGuiApplication.clipboard().setText(bug_report(self._problem))
