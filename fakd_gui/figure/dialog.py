"""The dialog of a figure: choices on the left, the page as it will be on the right."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from fakd_core.errors import ConfigError
from fakd_core.events import CancelToken, Image8
from fakd_core.figures.spec import FigureSpec
from fakd_gui.figure.choices import Choices
from fakd_gui.figure.command import command_line
from fakd_gui.session.jobs import LatestWins, stop_all
from fakd_gui.session.problem import Problem, bug_report
from fakd_gui.session.session import Session
from fakd_gui.widgets.convert import qpixmap_from_array
from fakd_gui.widgets.file_dialogs import ask_save_path
from fakd_gui.widgets.tweaks import restyle

PREVIEW_DPI = 150
DRAWING = "Drawing…"


class FigureDialog(QDialog):
    """Not modal. Every change is drawn on a thread, the latest wins; models run once."""

    def __init__(self, session: Session, recipe: FigureSpec, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Figure of {recipe.image.name}")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(False)
        self._session = session
        self._materials: object = None
        self._problem: Problem | None = None
        self.pixels: Image8 | None = None
        """The page as previewed, (H, W, 3)."""
        self.choices = Choices(recipe)
        self.choices.changed.connect(self.refresh)
        self.preview = _Preview()
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.save_button = self._button(
            "Save…", "Write PNG or PDF, and the recipe beside it", self.choose_file
        )
        self.save_button.setProperty("role", "primary")
        buttons = [
            self.save_button,
            self._button("Copy picture", "Put the preview on the clipboard", self.copy_picture),
            self._button("Copy recipe", "The TOML that makes this figure again", self.copy_recipe),
            self._button("Copy command", "The command line that makes this figure again", self.copy_command),
        ]
        self.details_button = self._button(
            "Copy details",
            "Copy the traceback and version info for a bug report",
            self.copy_details,
        )
        self._drawing = LatestWins("draw the figure", self)
        self._drawing.result.connect(self._show)
        self._drawing.failed.connect(self._fail)
        self._saving = LatestWins("save the figure", self)
        self._saving.result.connect(self._saved)
        self._saving.failed.connect(self._fail)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.choices)
        scroll.setFixedWidth(290)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        upper = QHBoxLayout()
        upper.addWidget(scroll)
        upper.addWidget(self.preview, 1)
        lower = QHBoxLayout()
        lower.addWidget(self.status, 1)
        lower.addWidget(self.details_button)
        for button in reversed(buttons):
            lower.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addLayout(upper, 1)
        layout.addLayout(lower)
        self.resize(960, 560)
        self.refresh()

    def refresh(self) -> None:
        """Draw what the form says."""
        recipe = self._recipe()
        if recipe is None:
            self._drawing.cancel()
            return
        self._say(DRAWING)

        def work(token: CancelToken) -> Image8:
            from fakd_core.figures.draw import compose
            from fakd_core.figures.inputs import FigureInputs
            from fakd_core.figures.rendering import page_pixels

            if self._materials is None:
                self._materials = FigureInputs(self._session.models.get)
            assert isinstance(self._materials, FigureInputs)
            *_, page = compose(recipe, self._materials, token)
            token.raise_if_cancelled()
            return page_pixels(page, PREVIEW_DPI)

        self._drawing.submit(work)

    def choose_file(self) -> None:
        """Ask where the figure goes, and write it there."""
        recipe = self._recipe()
        if recipe is None:
            return
        suggested = recipe.image.with_name(f"{recipe.image.stem}-figure.png")
        answer = ask_save_path(self, "Save the figure", suggested, {"PNG": ".png", "PDF": ".pdf"})
        if answer is not None:
            self.save(answer[0])

    def save(self, path: Path) -> None:
        """Write the figure to `path`, PNG or PDF, and its recipe beside it."""
        recipe = self._recipe()
        if recipe is None:
            return

        def work(token: CancelToken) -> Path:
            from fakd_core.figures.draw import draw
            from fakd_core.figures.inputs import FigureInputs

            *_, written = draw(recipe, path, inputs=FigureInputs(self._session.models.get), cancel=token)
            return written.figure

        self._saving.submit(work)

    def copy_picture(self) -> None:
        if self.pixels is not None:
            QGuiApplication.clipboard().setPixmap(qpixmap_from_array(self.pixels))
            self._session.announce("Copied the figure as a picture")

    def copy_recipe(self) -> None:
        from fakd_core.figures.spec_file import spec_text

        if (recipe := self._recipe()) is not None:
            # Nowhere yet: absolute paths are right from any folder.
            QGuiApplication.clipboard().setText(spec_text(recipe, Path(recipe.image.anchor)))
            self._session.announce("Copied the recipe")

    def copy_command(self) -> None:
        if (recipe := self._recipe()) is not None:
            QGuiApplication.clipboard().setText(command_line(recipe))
            self._session.announce("Copied the command line")

    def copy_details(self) -> None:
        """Copy the details of the problem that is shown."""
        if self._problem is not None:
            QGuiApplication.clipboard().setText(bug_report(self._problem))

    def done(self, result: int) -> None:
        """Qt's: the threads end before their dialog does."""
        stop_all(self)
        super().done(result)

    def _recipe(self) -> FigureSpec | None:
        try:
            return self.choices.recipe()
        except ConfigError as error:
            self._fail(Problem.of(error))
            return None

    def _show(self, pixels: Image8) -> None:
        self.pixels = pixels
        self.preview.show_page(qpixmap_from_array(pixels))
        # What a save said meanwhile stays.
        if self.status.text() == DRAWING:
            self._say("")

    def _saved(self, path: object) -> None:
        assert isinstance(path, Path)
        said = f"Wrote {path.name} and its recipe"
        self._say(said)
        self._session.announce(said)

    def _fail(self, problem: Problem) -> None:
        self._session.note(problem)
        self._say(problem.text, problem)

    def _say(self, text: str, problem: Problem | None = None) -> None:
        self._problem = problem
        self.status.setText(text)
        self.details_button.setVisible(problem is not None and bool(problem.details))
        restyle(self.status, role="error" if problem else "muted")

    def _button(self, text: str, tip: str, act: object) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setAutoDefault(False)
        button.clicked.connect(act)
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
