"""Exports the curves as a table or as an image."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, QRect, QRectF, QSize
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QGraphicsView

from fakd_core.errors import DataError
from fakd_core.events import CancelToken
from fakd_core.files import atomic_path
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.session import Session
from fakd_gui.train.commands import TrainCommands
from fakd_gui.train.plots import RunPlots
from fakd_gui.train.smoothing import Values
from fakd_gui.widgets.file_dialogs import ask_save_path

KINDS = {"csv": "Table", "png": "Image", "svg": "Vector graphic"}
PNG_SCALE = 2
"""Pixels of an image per pixel on the screen."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """Every point of one curve of one run, not smoothed."""

    run: str
    curve: str
    steps: Values
    values: Values


class PlotExport(QObject):
    """Asks for a file and writes it, a table on a thread."""

    def __init__(self, session: Session, plots: RunPlots, commands: TrainCommands) -> None:
        super().__init__(plots)
        self._session = session
        self._plots = plots
        self._writer = LatestWins("write the curves", self)
        self._writer.result.connect(lambda path: session.announce(f"Wrote {path.name}"))
        self._writer.failed.connect(session.error)
        for kind in KINDS:
            commands.on(f"export_{kind}", lambda kind=kind: self.ask(kind))

    def ask(self, kind: str) -> None:
        """Let the user choose a file and write it."""
        start = f"{self._plots.name or 'curves'}.{kind}"
        chosen = ask_save_path(self._plots, "Export the curves", start, {KINDS[kind]: f".{kind}"})
        if chosen is not None:
            self.write(chosen[0], kind)

    def write(self, path: Path, kind: str) -> None:
        if kind == "csv":
            columns = shown_columns(self._plots)
            self._writer.submit(lambda token: _write_csv(path, columns, token))
            return
        try:
            with atomic_path(path) as temporary:
                (save_png if kind == "png" else save_svg)(self._plots, temporary)
        except OSError as error:
            self._session.report(_cant_write(path, error))
        else:
            self._session.announce(f"Wrote {path.name}")


def shown_columns(plots: RunPlots) -> list[Column]:
    """All curves that are shown, of all runs."""
    return [
        Column(
            run=line.run or plots.name,
            curve=f"{card.name}: {line.label}",
            steps=line.steps.copy(),
            values=line.exact.copy(),
        )
        for card in plots.cards.values()
        if card.isVisibleTo(plots)
        for line in card.shown
    ]


def _write_csv(path: Path, columns: Sequence[Column], token: CancelToken) -> Path:
    """Write a row for each run and step, and a column for each curve; missing values are empty.

    Raises:
        DataError: the file can't be written.
    """
    curves = list(dict.fromkeys(column.curve for column in columns))
    runs = list(dict.fromkeys(column.run for column in columns))
    try:
        with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["run", "step", *curves])
            for run in runs:
                rows: dict[int, list[float | str]] = {}
                for column in (column for column in columns if column.run == run):
                    token.raise_if_cancelled()
                    place = curves.index(column.curve)
                    for step, value in zip(column.steps.tolist(), column.values.tolist(), strict=True):
                        rows.setdefault(round(step), [""] * len(curves))[place] = value
                table.writerows([run, step, *rows[step]] for step in sorted(rows))
    except OSError as error:
        raise DataError(_cant_write(path, error)) from None
    return path


def _cant_write(path: Path, error: OSError) -> str:
    return f"{path}: can't be written ({error.strerror or error}); choose another folder"


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
    drawing.setTitle(plots.name or "Curves")
    painter = QPainter()
    if not painter.begin(drawing):
        raise OSError("the vector graphic could not be written")
    try:
        _draw(plots, painter)
    finally:
        painter.end()


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
