"""Search and filter of the library."""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QObject, QSortFilterProxyModel

from fakd_gui.library.model import IS_USABLE_ROLE, SEARCH_ROLE, Index, LibraryModel
from fakd_gui.library.rows import Kind, Row


class Filter(Enum):
    """The rows that are listed."""

    ALL = "Everything"
    SHOWN = "Shown in this workspace"
    USABLE = "Of the teacher's scale"
    UNFINISHED = "Unfinished runs"


class LibraryFilter(QSortFilterProxyModel):
    """Lists the runs, models and pictures that have every word searched for, with all that is below them."""

    def __init__(self, model: LibraryModel, parent: QObject) -> None:
        super().__init__(parent)
        self._model = model
        self._words: list[str] = []
        self._filter = Filter.ALL
        self.setSourceModel(model)

    def search(self, text: str) -> None:
        self._words = text.lower().split()
        self.invalidate()

    def choose(self, chosen: Filter) -> None:
        self._filter = chosen
        self.invalidate()

    def follow_eyes(self) -> None:
        """List other rows if those that are shown are listed."""
        if self._filter is Filter.SHOWN:
            self.invalidate()

    def filterAcceptsRow(self, number: int, parent: Index) -> bool:
        above = self._model.row_at(parent)
        if above is self._model.root or above.kind is not Kind.SECTION:
            return True
        row = above.children[number]
        text = str(self._model.data(self._model.index_of(row), SEARCH_ROLE)).lower() if self._words else ""
        return all(word in text for word in self._words) and self._passes(row)

    def _passes(self, row: Row) -> bool:
        index = self._model.index_of(row)
        match self._filter:
            case Filter.SHOWN:
                return any(self._model.facts.eye(one) for one in row.walk())
            case Filter.USABLE:
                return bool(index.data(IS_USABLE_ROLE))
            case Filter.UNFINISHED:
                state = self._model.facts.state(row)
                return state is not None and not state.finished
        return True
