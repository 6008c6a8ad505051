"""The library as a Qt model: the eye, the name and the best PSNR of each row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QFont

from fakd_gui.library.facts import RowFacts
from fakd_gui.library.rows import Kind, Row, Sort, build_rows
from fakd_gui.session.opening import Workspace
from fakd_gui.session.session import Session

Index = QModelIndex | QPersistentModelIndex
NOWHERE = QModelIndex()
EYE, NAME, PSNR = range(3)
"""The columns."""
ROW_ROLE, STATE_ROLE, SEARCH_ROLE, ICON_ROLE, EYE_ROLE = (
    Qt.ItemDataRole.UserRole + number for number in range(5)
)
COLOUR_ROLE, IS_TEACHER_ROLE, IS_USABLE_ROLE, SHARE_ROLE, RUN_ROLE = (
    Qt.ItemDataRole.UserRole + number for number in range(5, 10)
)


class LibraryModel(QAbstractItemModel):
    """Rows by section; an eye says whether the workspace at hand shows the row."""

    def __init__(
        self, session: Session, rename: Callable[[Row, str], bool], parent: QObject | None = None
    ) -> None:
        """Make a model of the session's library; `rename` returns False if a name was refused."""
        super().__init__(parent)
        self._session = session
        self._rename = rename
        self.facts = RowFacts(session)
        self.started: dict[Path, float] = {}
        """The time at which each run was started, for their order."""
        self.sort = Sort.NEWEST
        self.root = Row(Kind.SECTION, "")
        self._numbers = count(1)
        self._rows: dict[int, Row] = {0: self.root}
        """By their numbers: an index that Qt still holds never leads to a row that is gone."""
        self.rebuild()

    # -- the rows

    def rebuild(self) -> None:
        """Follow the session; rows that stay keep their place in the view, their selection and editor."""
        self._set_children(self.root, build_rows(self._session, self.started, self.sort))
        self.refresh()

    def _set_children(self, parent: Row, wanted: Sequence[Row]) -> None:
        place = self.index_of(parent)
        identities = [row.identity for row in wanted]
        staying = set(identities)
        kept = {row.identity: row for row in parent.children if row.identity in staying}
        for position in reversed(range(len(parent.children))):
            if parent.children[position].identity not in kept:
                self.beginRemoveRows(place, position, position)
                gone = parent.children.pop(position)
                self.endRemoveRows()
                for row in gone.walk():
                    self._rows.pop(row.number, None)
        self._reorder(parent, [kept[identity] for identity in identities if identity in kept])
        new = [row for row in wanted if row.identity not in kept]
        if new and not kept:
            self.beginInsertRows(place, 0, len(new) - 1)
            parent.children = [self._adopt(row, parent) for row in new]
            self.endInsertRows()
        for position, row in enumerate(wanted):
            if row.identity in kept:
                self._set_children(kept[row.identity], row.children)
            elif kept:
                self.beginInsertRows(place, position, position)
                parent.children.insert(position, self._adopt(row, parent))
                self.endInsertRows()

    def _adopt(self, row: Row, parent: Row) -> Row:
        row.parent, row.number = parent, next(self._numbers)
        self._rows[row.number] = row
        for child in row.children:
            self._adopt(child, row)
        return row

    def _reorder(self, parent: Row, rows: list[Row]) -> None:
        if rows != parent.children:
            self.layoutAboutToBeChanged.emit()
            moved = [index for index in self.persistentIndexList() if self.row_at(index).parent is parent]
            places = {row.number: place for place, row in enumerate(rows)}
            parent.children = rows
            self.changePersistentIndexList(
                moved,
                [
                    self.createIndex(places[index.internalId()], index.column(), index.internalId())
                    for index in moved
                ],
            )
            self.layoutChanged.emit()

    def row_at(self, index: Index) -> Row:
        return self._rows.get(index.internalId(), self.root) if index.isValid() else self.root

    def index_of(self, row: Row, column: int = EYE) -> QModelIndex:
        if row.parent is None:
            return QModelIndex()
        return self.createIndex(row.parent.children.index(row), column, row.number)

    def find(self, key: str) -> Row | None:
        """The row of a model, run or picture."""
        return next((row for row in self.root.walk() if row.key == key), None)

    def move_run(self, run: Path, to: Path | None) -> None:
        """Let the row of a renamed run, and those below it, be the same rows under another name."""
        if to is None:
            return
        row = self.find(str(run))
        if run in self.started:
            self.started[to] = self.started.pop(run)
        if row is not None:
            row.key, row.run = str(to), to
            self._set_children(row, [])

    def set_workspace(self, workspace: Workspace) -> None:
        self.facts.workspace = workspace
        self.refresh()

    def set_sort(self, sort: Sort) -> None:
        self.sort = sort
        self.rebuild()

    def refresh(self, *_: object) -> None:
        """Draw every row again."""
        for section in self.root.children:
            self._refresh_below(section)
        if self.root.children:
            last = len(self.root.children) - 1
            self.dataChanged.emit(self.index(0, EYE), self.index(last, PSNR))

    def _refresh_below(self, row: Row) -> None:
        if row.children:
            place = self.index_of(row)
            last = self.index(len(row.children) - 1, PSNR, place)
            self.dataChanged.emit(self.index(0, EYE, place), last)
        for child in row.children:
            self._refresh_below(child)

    # -- Qt's model

    def index(self, row: int, column: int, parent: Index = NOWHERE) -> QModelIndex:
        children = self.row_at(parent).children
        if not (0 <= row < len(children) and EYE <= column <= PSNR):
            return QModelIndex()
        return self.createIndex(row, column, children[row].number)

    def parent(self, index: Index = NOWHERE) -> QModelIndex:  # type: ignore[override]
        above = self.row_at(index).parent
        return QModelIndex() if above is None else self.index_of(above)

    def rowCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() and parent.column() > EYE else len(self.row_at(parent).children)

    def columnCount(self, parent: Index = NOWHERE) -> int:
        return 3

    def flags(self, index: Index) -> Qt.ItemFlag:
        row, flags = self.row_at(index), super().flags(index)
        if row.kind in (Kind.SECTION, Kind.SNAPSHOTS):
            return flags & ~Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == NAME else flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.row_at(index)
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.EditRole:
                return {NAME: self.facts.name, PSNR: self.facts.best}.get(index.column(), lambda _: "")(row)
            case Qt.ItemDataRole.FontRole:
                font = QFont()
                font.setBold(self.facts.is_training(row))
                return font
            case Qt.ItemDataRole.ToolTipRole:
                return self.facts.tip(row)
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._accessible_text(row, index.column())
        if role == ROW_ROLE:
            return row
        answers: dict[int, Callable[[Row], Any]] = {
            RUN_ROLE: lambda row: row.run if row.kind is Kind.RUN else None,
            STATE_ROLE: self.facts.describe,
            SEARCH_ROLE: self.facts.search_text,
            ICON_ROLE: self.facts.icon,
            EYE_ROLE: self.facts.eye,
            COLOUR_ROLE: self.facts.colour,
            IS_TEACHER_ROLE: lambda row: row.key == self._session.teacher,
            IS_USABLE_ROLE: lambda row: not self.facts.reason(row),
            SHARE_ROLE: self.facts.share,
        }
        return answers[role](row) if role in answers else None

    def _accessible_text(self, row: Row, column: int) -> str:
        eye = self.facts.eye(row)
        if column == EYE:
            return "" if eye is None else "shown" if eye else "hidden"
        return self.facts.accessible_text(row)

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        row = self.row_at(index)
        return str(value) == self.facts.name(row) or self._rename(row, str(value))
