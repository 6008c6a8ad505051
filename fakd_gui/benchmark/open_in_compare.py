"""From a cell of the table to its images in Compare."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject

from fakd_core.data.resize import BICUBIC
from fakd_core.evaluation.results import EvalSet
from fakd_core.events import CancelToken
from fakd_core.runs.references import bundled_models, split_taps
from fakd_gui.benchmark.image_list import Scored
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.session import Session


class OpenInCompare(QObject):
    """Finds the HR files of a set and hands them to the session, the model among its students."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._finding = LatestWins("find the images of a set", self)
        self._finding.result.connect(self._show)
        self._finding.failed.connect(session.error)

    def show(self, ref: str, eval_set: EvalSet, scored: Sequence[Scored], first: int) -> None:
        """Ask for `scored` in this order in Compare, with the one number `first` open."""
        scored = list(scored)

        def work(token: CancelToken) -> tuple[str, list[Path], list[str], int]:
            from fakd_core.data.datasets import open_dataset

            dataset = open_dataset(Path(eval_set.data), eval_set.scale)
            files = dict(zip(dataset.names, dataset.hr_files, strict=True))
            found = [one for one in scored if one.name in files]
            start = found.index(scored[first]) if scored[first] in found else 0
            return ref, [files[one.name] for one in found], [one.label for one in found], start

        self._finding.submit(work)

    def _show(self, found: object) -> None:
        assert isinstance(found, tuple)
        ref, paths, labels, start = found
        session = self._session
        missing = ref not in (BICUBIC, session.teacher, *session.students)
        if missing and (ref in bundled_models() or Path(split_taps(ref)[0]).exists()):
            session.add_student(ref)
        session.set_is_lr(False)
        session.show_images(paths, labels)
        if start:
            session.open_image(paths[start])
