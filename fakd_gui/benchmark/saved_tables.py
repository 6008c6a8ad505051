"""Tables from files: the user's, the last one for the next start, and the one that comes with the program."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from fakd_core.assets import reference_results
from fakd_core.errors import DataError
from fakd_core.evaluation.report import Report
from fakd_core.evaluation.report_file import read_report, to_document
from fakd_core.events import CancelToken
from fakd_core.files import config_folder, write_text
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.session import Session

LAST = "benchmark.json"
"""The last table, among the user's settings."""
FIRST_REFERENCE = "rcan-x4"
"""The bundled models' table that a first start shows."""


def family_title(family: str) -> str:
    """'rcan-x4' as 'RCAN ×4'."""
    return family.replace("-x", " ×").upper()


class SavedTables(QObject):
    """Reads and writes on threads of its own."""

    read = Signal(object, str)
    """A `Report`, and the name of its file; empty for the last table."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._reading = LatestWins("read results", self)
        self._reading.result.connect(self._tell)
        self._reading.failed.connect(session.error)
        self._keeping = LatestWins("keep the last table", self)
        self._keeping.failed.connect(session.error)

    def open(self, path: Path) -> None:
        """Read `path`; `read` or the session's `error` follows."""
        self._reading.submit(lambda token: (read_report(path), path.name))

    def open_last(self) -> None:
        """Read the last table; where there is none, the bundled models'."""
        last = config_folder() / LAST
        if last.is_file():
            self._reading.submit(lambda token: (read_report(last), ""))
        else:
            self.open_reference(FIRST_REFERENCE)

    def open_reference(self, family: str) -> None:
        """Read the scores of the bundled models of `family` on the papers' sets."""
        path, name = reference_results()[family], f"Reference results of {family_title(family)}"
        self._reading.submit(lambda token: (read_report(path), name))

    def keep(self, report: Report) -> None:
        """Leave `report` for the next start."""
        document, path = to_document(report, datetime.now()), config_folder() / LAST

        def work(token: CancelToken) -> None:
            try:
                write_text(path, json.dumps(document, allow_nan=False))
            except OSError as error:
                raise DataError(
                    f"{path}: can't be written ({error.strerror}); "
                    "the next start won't show the table: save it"
                ) from None

        self._keeping.submit(work)

    def _tell(self, found: object) -> None:
        assert isinstance(found, tuple)
        self.read.emit(*found)
