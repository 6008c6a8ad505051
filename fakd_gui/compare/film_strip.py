"""A strip of images to go through, by name or the ones first where student and teacher differ most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from fakd_core.evaluation.ranking import ImageDifference
from fakd_core.events import CancelToken
from fakd_gui.compare.film_list import FilmList
from fakd_gui.compare.film_work import Thumbnail, thumbnails
from fakd_gui.session.jobs import Job, JobEnd, LatestWins, Outcome, Work
from fakd_gui.widgets.busy_bar import BusyBar
from fakd_gui.widgets.image_tools import set_icon

LISTED, NAME, DISTANCE = "as listed", "name", "difference"


class Filmstrip(QWidget):
    """Hidden while there is nothing to go through."""

    chosen = Signal(object)
    """The path of the image to show."""
    closed = Signal()
    ranking_wanted = Signal()
    """Distances are needed to sort by: answer with `rank_by` or `cannot_rank`."""
    failed = Signal(object)
    _made = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.paths: list[Path] = []
        """The images in the order they stand in."""
        self.distances: dict[Path, float] = {}
        self._listed: list[Path] = []
        self._current: Path | None = None
        self._reading = LatestWins("thumbnails", self)
        self._reading.failed.connect(self.failed)
        self._made.connect(self._take_thumbnail)
        self._series = 0
        self._ranking: Job | None = None
        self._ending: Job | None = None
        """A ranking that was cancelled, until its thread has ended: the next one waits for that."""
        self._ranked = 0
        self._round = 0
        self._build()
        self.hide()

    def set_compact(self, compact: bool) -> None:
        """Smaller thumbnails, where there is little room."""
        self.list.set_compact(compact)

    def show_images(self, paths: Sequence[Path], labels: Sequence[str]) -> None:
        """Show `paths` with a label below each; nothing is opened yet."""
        self._stop()
        unique = dict(zip(paths, labels, strict=True))
        self._listed = list(unique)
        self.distances = {}
        self._current = None
        self.list.set_images(unique)
        self.sorting.blockSignals(True)
        self.sorting.setCurrentIndex(0)
        self.sorting.blockSignals(False)
        self._arrange(self._listed)
        self.setVisible(bool(self._listed))
        count = len(self._listed)
        self.title.setText(f"{count} images" if count > 1 else "1 image")
        ratio = self.devicePixelRatioF()
        reading, series = list(self._listed), self._series

        def read(token: CancelToken) -> None:
            for thumbnail in thumbnails(reading, ratio, token):
                self._made.emit(series, thumbnail)

        self._reading.submit(read)

    def close_strip(self) -> None:
        self._stop()
        self._listed, self.paths = [], []
        self.list.set_images({})
        self.hide()
        self.closed.emit()

    def holds(self, path: Path) -> bool:
        return self.list.holds(path)

    def mark(self, path: Path) -> None:
        """Show that `path` is the image seen now."""
        self.list.be_readable(path)
        self._point_out(path)

    def cannot_show(self, path: Path, shown: Path | None) -> None:
        """Say that `path`, which was chosen, can't be read; `shown` is still what is seen.

        Keys go on from `path`.
        """
        self.list.show_thumbnail(path, None)
        if shown is not None:
            self.list.mark(shown)

    def go(self, by: int) -> bool:
        """Choose the image `by` places further; False without images, or at the end."""
        if not self.paths:
            return False
        here = self.paths.index(self._current) if self._current in self.paths else -1 if by > 0 else 0
        there = min(max(0, here + by), len(self.paths) - 1)
        if there == here:
            return False
        # Known at once, so that a key held down goes on from there while the image is still read.
        self._point_out(self.paths[there])
        self.chosen.emit(self.paths[there])
        return True

    def rank_by(self, work: Work, names: str) -> None:
        """Sort by the `ImageDifference`s that `work` yields; `names` says between which models."""
        self._cancel_ranking()
        self.distances, self._ranked = {}, 0
        self.list.show_numbers({})
        self.list.setToolTip(f"Below each image: mean |ΔY| of {names}, in grey levels")
        self._round += 1
        number = self._round

        def numbered(token: CancelToken) -> Iterator[tuple[int, object]]:
            found = work(token)
            assert isinstance(found, Iterator)
            for ranked in found:
                yield number, ranked

        ranking = Job("difference of student and teacher", numbered, self)
        ranking.yielded.connect(self._take_ranked)
        ranking.finished.connect(lambda end: self._ranking_ended(ranking, end))
        self._ranking = ranking
        self._show_progress()
        if self._ending is None:
            ranking.start()

    def cannot_rank(self) -> None:
        """Go back to the order before."""
        self.sorting.setCurrentIndex(0)

    def forget_distances(self) -> None:
        """The models changed: the numbers are somebody else's."""
        if self.sorting.currentData() == DISTANCE:
            self.ranking_wanted.emit()
        elif self.distances:
            self.distances = {}
            self.list.show_numbers({})

    def pause_ranking(self, paused: bool) -> None:
        """Let the comparison that somebody waits for go first."""
        if self._ranking is not None:
            (self._ranking.pause if paused else self._ranking.resume)()

    def _point_out(self, path: Path) -> None:
        self._current = path if self.list.holds(path) else None
        self.list.mark(path)

    # -- building

    def _build(self) -> None:
        self.list = FilmList()
        self.list.chosen.connect(self._choose)
        self.title = QLabel()
        self.sorting = QComboBox()
        for text, how in (
            ("in the order given", LISTED),
            ("by name", NAME),
            ("where student and teacher differ most", DISTANCE),
        ):
            self.sorting.addItem(text, how)
        self.sorting.setAccessibleName("Order of the images")
        self.sorting.setToolTip(
            "The difference is the mean |ΔY| of the first student's and the teacher's output, in grey levels"
        )
        self.sorting.currentIndexChanged.connect(lambda _: self._sort())
        self.busy = BusyBar()
        self.busy.cancelled.connect(self._cancel_sorting)
        self.close_button = QToolButton()
        self.close_button.setAutoRaise(True)
        self.close_button.setToolTip("Close the film strip")
        self.close_button.setAccessibleName("Close the film strip")
        self.close_button.clicked.connect(self.close_strip)
        set_icon(self.close_button, "close")
        row = QHBoxLayout()
        for widget in (self.title, self.sorting):
            row.addWidget(widget)
        row.addWidget(self.busy, 1)
        row.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addWidget(self.list)

    # -- order

    def _sort(self) -> None:
        how = self.sorting.currentData()
        if how != DISTANCE:
            self._cancel_ranking()
            by_name = sorted(self._listed, key=lambda path: (path.name.casefold(), str(path)))
            self._arrange(self._listed if how == LISTED else by_name)
        elif all(path in self.distances for path in self._listed):
            self._arrange_by_distance()
        else:
            self.ranking_wanted.emit()

    def _arrange_by_distance(self) -> None:
        self._arrange(sorted(self._listed, key=lambda path: -self.distances.get(path, -1.0)))

    def _arrange(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self.list.arrange(self.paths)

    def _choose(self, path: Path) -> None:
        self._current = path
        self.chosen.emit(path)

    # -- jobs

    def _take_thumbnail(self, series: int, made: Thumbnail) -> None:
        if series == self._series:
            self.list.show_thumbnail(made.path, made.picture)

    def _take_ranked(self, found: tuple[int, ImageDifference]) -> None:
        number, difference = found
        if number != self._round or self._ranking is None:
            return
        self._ranked += 1
        if difference.mean is not None:
            self.distances[difference.path] = difference.mean
        self.list.show_numbers(self.distances)
        self._show_progress()

    def _show_progress(self) -> None:
        total = len(self._listed)
        self.busy.show_busy(f"{self._ranked} of {total} compared", self._ranked, total)

    def _ranking_ended(self, job: Job, end: JobEnd) -> None:
        job.deleteLater()
        if self._ending is job:
            self._ending = None
            if self._ranking is not None and not self._ranking.token.cancelled:
                self._ranking.start()
        if self._ranking is not job:
            return
        self._ranking = None
        self.busy.show_idle()
        if end.outcome is Outcome.COMPLETED:
            self._arrange_by_distance()
        else:
            self.cannot_rank()
            if end.outcome is Outcome.FAILED:
                self.failed.emit(end.problem)

    def _cancel_sorting(self) -> None:
        self._cancel_ranking()
        self.cannot_rank()

    def _cancel_ranking(self) -> None:
        ranking, self._ranking = self._ranking, None
        if ranking is not None:
            ranking.cancel()
            if self._ending is None:
                self._ending = ranking
            else:
                ranking.deleteLater()  # It has not begun.
        self.busy.show_idle()

    def _stop(self) -> None:
        self._cancel_ranking()
        self._series += 1
        self._reading.cancel()
