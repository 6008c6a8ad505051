"""Exports the curves as a table or as an image."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, QRect, QRectF, QSize
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QGraphicsView

from fakd_core.errors import DataError
from fakd_core.events import CancelToken
from fakd_core.files import atomic_path
from fakd_gui.session.jobs import InTurn
from fakd_gui.session.session import Session
from fakd_gui.train.commands import TrainCommands
from fakd_gui.train.curves import Line
from fakd_gui.train.plots import RunPlots
from fakd_gui.widgets.file_dialogs import ask_save_path

KINDS = {"csv": "Table", "png": "Image", "svg": "Vector graphic"}
PNG_SCALE = 2
"""Pixels of an image per pixel on the screen."""


class PlotExport(QObject):
    """Asks for a file and writes it, a table on a thread."""

    def __init__(self, session: Session, plots: RunPlots, commands: TrainCommands) -> None:
        super().__init__(plots)
        self._session = session
        self._plots = plots
        self._writer = InTurn("write the curves", self, result=self._announce, failed=session.error)
        for kind in KINDS:
            commands.on(f"export_{kind}", lambda kind=kind: self.ask(kind))

    def ask(self, kind: str) -> None:
        """Let the user choose a file and write it."""
        start = f"{self._plots.state.shown.name}.{kind}"
        chosen = ask_save_path(self._plots, "Export the curves", start, {KINDS[kind]: f".{kind}"})
        if chosen is not None:
            self.write(chosen[0], kind)

    def write(self, path: Path, kind: str) -> None:
        if kind == "csv":
            lines = _shown_lines(self._plots)
            self._writer.submit(lambda token: _write_csv(path, lines, token))
            return
        with self._session.reporting():
            with _replace_file(path) as temporary:
                (save_png if kind == "png" else save_svg)(self._plots, temporary)
            self._announce(path)

    def _announce(self, path: Path) -> None:
        self._session.announce(f"Wrote {path.name}")


def _shown_lines(plots: RunPlots) -> list[Line]:
    """Copies of all shown lines of all runs, with the names of their columns as labels."""
    return [
        replace(
            line,
            run=line.run or plots.state.shown.name,
            label=f"{card.name}: {line.label}",
            steps=line.steps.copy(),
            exact=line.exact.copy(),
        )
        for card in plots.cards.values()
        if card.isVisibleTo(plots)
        for line in card.shown
    ]


def _write_csv(path: Path, lines: Sequence[Line], token: CancelToken) -> Path:
    """Write a row for each run and step, and a column for each curve; missing values are empty.

    Raises:
        DataError: the file can't be written.
    """
    rows: dict[str, dict[int, dict[str, float]]] = {}
    for line in lines:
        token.raise_if_cancelled()
        of_run = rows.setdefault(line.run, {})
        for step, value in zip(line.steps.tolist(), line.exact.tolist(), strict=True):
            of_run.setdefault(round(step), {})[line.label] = value
    curves = dict.fromkeys(line.label for line in lines)
    with _replace_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ["run", "step", *curves])
        table.writeheader()
        for run, of_run in rows.items():
            table.writerows({"run": run, "step": step, **of_run[step]} for step in sorted(of_run))
    return path


@contextmanager
def _replace_file(path: Path) -> Iterator[Path]:
    """A temporary file that becomes `path`; raises `DataError` if it can't be written."""
    try:
        with atomic_path(path) as temporary:
            yield temporary
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{path}: can't be written ({reason}); choose another folder") from None


def save_png(plots: RunPlots, path: Path) -> None:
    """Save the plots as they are, at `PNG_SCALE` times their resolution; raises `OSError`."""
    image = QImage(plots.figure.size() * PNG_SCALE, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(PNG_SCALE)
    plots.figure.render(image)
    if not image.save(str(path), "PNG"):
        raise OSError("the image could not be written")


def save_svg(plots: RunPlots, path: Path) -> None:
    """Save the plots as they are, as lines and text; raises `OSError`."""
    from PySide6.QtSvg import QSvgGenerator

    size: QSize = plots.figure.size()
    drawing = QSvgGenerator()
    drawing.setFileName(str(path))
    drawing.setSize(size)
    # The screen's: the axes are cached as drawings, which another resolution would shrink.
    drawing.setResolution(plots.logicalDpiX())
    drawing.setViewBox(QRect(0, 0, size.width(), size.height()))
    drawing.setTitle(plots.state.shown.name)
    with QPainter(drawing) as painter:
        if not painter.isActive():
            raise OSError("the vector graphic could not be written")
        _draw(plots, painter)


def _draw(plots: RunPlots, painter: QPainter) -> None:
    """Draw like `plots.figure.render`, which would rasterise each plot."""
    painter.fillRect(plots.figure.rect(), plots.palette().window())
    labels = [card.readout for card in plots.cards.values()]
    for label in (label for label in (plots.legend, *labels) if label.isVisibleTo(plots)):
        label.render(painter, label.mapTo(plots.figure, QPoint(0, 0)))
    for card in (card for card in plots.cards.values() if card.isVisibleTo(plots)):
        source = card.widget.viewport().rect()
        corner = card.widget.viewport().mapTo(plots.figure, QPoint(0, 0))
        QGraphicsView.render(card.widget, painter, QRectF(QRect(corner, source.size())), source)
