"""The user guide and the other pages, shown from their Markdown: no browser, no network."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt, QUrl, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QImage,
    QKeySequence,
    QResizeEvent,
    QShortcut,
    QTextBlock,
    QTextBlockFormat,
    QTextCursor,
    QTextDocument,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
)
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QSplitter,
    QTextBrowser,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from fakd_core.assets import docs_dir
from fakd_gui.widgets.theme import Theme, current_theme, follow_theme, icon

GUIDE, START = "user-guide.md", "index.md"
TEXT_WIDTH = 760
MARGIN = 24
LINE_HEIGHT = 130
"""In percent of the letters' own."""
FORMULA_DPI = 96
_FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\w`])\$([^$\n]+)\$", re.DOTALL)
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^):#]+)(#[^)]*)?\)")
_CODE = re.compile(r"(```.*?```|`[^`\n]+`|^(?: {4}|\t).*$)", re.DOTALL | re.MULTILINE)


class GuidePage(QTextBrowser):
    """A page of the documentation. Links lead to other pages; those to the web open in the browser."""

    headings_changed = Signal()

    def __init__(self) -> None:
        super().__init__(openExternalLinks=True, accessibleName="Page")
        self.setLineWrapMode(QTextBrowser.LineWrapMode.FixedPixelWidth)
        # Always there, so that it doesn't change the width of the text.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.headings: list[QTextBlock] = []
        self._formulas: list[QImage] = []
        follow_theme(self, lambda _: self.reload() if self.headings else None)

    def doSetSource(self, url: QUrl, kind: QTextDocument.ResourceType) -> None:
        """Show the page, at the heading that is its fragment."""
        super().doSetSource(url, kind)
        self._style()
        if place := url.fragment():
            found = (block for block in self.headings if _anchor(block.text()) == place)
            if block := next(found, None):
                self.scroll_to(block)

    def reload(self) -> None:
        """Read the page again, in the colours of the theme."""
        place = self.verticalScrollBar().value()
        super().reload()
        self._style()
        self.verticalScrollBar().setValue(place)

    def scroll_to(self, block: QTextBlock) -> None:
        top = self.document().documentLayout().blockBoundingRect(block).top()
        self.verticalScrollBar().setValue(round(top) - MARGIN // 2)

    def find_text(self, text: str) -> bool:
        """Select the next occurrence of `text`, from the top again after the last one."""
        if self.find(text):
            return True
        self.moveCursor(QTextCursor.MoveOperation.Start)
        return self.find(text)

    def loadResource(self, kind: int, url: QUrl) -> Any:
        """The Markdown of a page, an image that fits the width, or a formula."""
        if url.scheme() == "formula":
            return self._formulas[int(url.path())]
        path = Path(self.source().resolved(url).toLocalFile())
        if kind == QTextDocument.ResourceType.ImageResource:
            width = self.lineWrapColumnOrWidth() - 2 * MARGIN
            return _fit(QImage(str(path)), width, self.devicePixelRatio())
        if path.suffix == ".md" and path.is_file():
            text, self._formulas = _prepare(path, self.devicePixelRatio())
            return text
        return super().loadResource(kind, url)

    def resizeEvent(self, event: QResizeEvent) -> None:
        width = min(TEXT_WIDTH, self.viewport().width())
        if width != self.lineWrapColumnOrWidth():
            self.setLineWrapColumnOrWidth(width)
        super().resizeEvent(event)

    def _style(self) -> None:
        document, theme = self.document(), current_theme()
        document.setDocumentMargin(MARGIN)
        self.headings = []
        edit = QTextCursor(document)
        edit.beginEditBlock()  # The page is laid out once, at the end.
        block = document.begin()
        while block.isValid():
            if level := block.blockFormat().headingLevel():
                self.headings.append(block)
            _style_block(block, level, theme)
            block = block.next()
        for frame in document.rootFrame().childFrames():
            if isinstance(frame, QTextTable):
                _style_table(frame, theme)
        edit.endEditBlock()
        self.headings_changed.emit()


class Guide(QDialog):
    """The documentation: a page, its headings, and the way back. Not modal."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, windowTitle="User guide")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.page = GuidePage()
        self.contents = QListWidget(accessibleName="Headings of this page")
        self.contents.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.contents.setSpacing(2)
        find = "Find on this page"
        self.search = QLineEdit(placeholderText=find, accessibleName=find, clearButtonEnabled=True)
        self.search.setMaximumWidth(220)
        self.search.returnPressed.connect(lambda: self.page.find_text(self.search.text()))
        self.contents.itemActivated.connect(self._show_heading)
        self.contents.itemClicked.connect(self._show_heading)
        self.page.headings_changed.connect(self._list_headings)
        shortcut = QShortcut(QKeySequence.StandardKey.Find, self)
        shortcut.activated.connect(self.search.setFocus)
        self._lay_out()

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        page = self.page
        for name, text, act, available in (
            ("arrow-left", "Back", page.backward, page.backwardAvailable),
            ("arrow-right", "Forward", page.forward, page.forwardAvailable),
            ("home-outline", "All pages", lambda: self.open(START), None),
        ):
            button = QToolButton(toolTip=text, accessibleName=text, autoRaise=True)
            button.clicked.connect(act)
            if available is not None:
                available.connect(button.setEnabled)
                button.setEnabled(False)
            follow_theme(button, lambda _, button=button, name=name: button.setIcon(icon(name)))
            bar.addWidget(button)
        bar.addStretch()
        bar.addWidget(self.search)
        parts = QSplitter()
        parts.addWidget(self.contents)
        parts.addWidget(page)
        parts.setStretchFactor(1, 1)
        parts.setSizes([190, TEXT_WIDTH + 60])
        column = QVBoxLayout(self)
        column.addLayout(bar)
        column.addWidget(parts, 1)
        self.resize(QSize(TEXT_WIDTH + 290, 760).boundedTo(self.screen().availableSize()))

    def open(self, page: str) -> None:
        """Show a page, such as 'user-guide.md#compare'."""
        name, _, place = page.partition("#")
        url = QUrl.fromLocalFile(str(docs_dir() / name))
        url.setFragment(place)
        self.page.setSource(url)

    def _list_headings(self) -> None:
        self.contents.clear()
        for block in self.page.headings:
            level = block.blockFormat().headingLevel()
            self.contents.addItem("    " * max(0, level - 2) + block.text())

    def _show_heading(self) -> None:
        self.page.scroll_to(self.page.headings[self.contents.currentRow()])


def _prepare(path: Path, ratio: float) -> tuple[str, list[QImage]]:
    """The Markdown of a page for Qt, and images of its formulas; without links to pages that are not here."""
    images: list[QImage] = []

    def keep_link(link: re.Match[str]) -> str:
        is_here = "://" in link[2] or (path.parent / link[2]).is_file()
        return link[0] if is_here else link[1]

    def draw(formula: re.Match[str]) -> str:
        text = " ".join((formula[1] or formula[2]).split())
        try:
            images.append(_draw_formula(text, ratio))
        except ValueError:  # Matplotlib doesn't know all of TeX.
            return f"`{text}`"
        return f"![formula](formula:{len(images) - 1})"

    parts = _CODE.split(path.read_text(encoding="utf-8"))
    parts[::2] = [_FORMULA.sub(draw, _LINK.sub(keep_link, part)) for part in parts[::2]]
    return "".join(parts), images


def _draw_formula(text: str, ratio: float) -> QImage:
    """A formula of TeX in the text's colour; raises `ValueError` where matplotlib can't read it."""
    from matplotlib.mathtext import math_to_image

    for name in ("Vert", "vert"):
        text = text.replace(f"\\l{name}", f"\\{name}").replace(f"\\r{name}", f"\\{name}")
    file = io.BytesIO()
    dpi = FORMULA_DPI * ratio
    math_to_image(f"${text}$", file, dpi=dpi, format="png", color=current_theme().text)
    image = QImage.fromData(file.getvalue())
    image.setDevicePixelRatio(ratio)
    return image


def _fit(image: QImage, space: int, ratio: float) -> QImage:
    """The image at most `space` wide, sharp on a screen of `ratio` device pixels per pixel."""
    width = min(image.width(), round(space * ratio))
    fitting = image.scaledToWidth(width, Qt.TransformationMode.SmoothTransformation) if width else image
    fitting.setDevicePixelRatio(ratio)
    return fitting


def _anchor(heading: str) -> str:
    """The name that links give a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _style_block(block: QTextBlock, level: int, theme: Theme) -> None:
    form = QTextBlockFormat(block.blockFormat())
    if level:
        form.setTopMargin(28 if level > 1 else 0)
        form.setBottomMargin(8)
    elif _is_code(block):
        form.setBackground(QColor(theme.window))
        form.setBottomMargin(0 if _is_code(block.next()) else 10)
    elif QTextCursor(block).currentTable() is None:
        form.setBottomMargin(8)
        if not _has_picture(block):
            form.setLineHeight(LINE_HEIGHT, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
    QTextCursor(block).setBlockFormat(form)


def _is_code(block: QTextBlock) -> bool:
    return block.isValid() and block.blockFormat().nonBreakableLines()


def _has_picture(block: QTextBlock) -> bool:
    formats = (fragment.fragment().charFormat().toImageFormat() for fragment in block)
    return any(image.isValid() and not image.name().startswith("formula:") for image in formats)


def _style_table(table: QTextTable, theme: Theme) -> None:
    form = table.format()
    form.setCellPadding(5)
    form.setCellSpacing(0)
    form.setBorder(1)
    form.setBorderCollapse(True)
    form.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
    form.setBorderBrush(QColor(theme.border))
    form.setTopMargin(6)
    form.setBottomMargin(14)
    form.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
    table.setFormat(form)
    for column in range(table.columns()):
        cell = table.cellAt(0, column)
        cursor = cell.firstCursorPosition()
        cursor.setPosition(cell.lastCursorPosition().position(), QTextCursor.MoveMode.KeepAnchor)
        bold = cursor.charFormat()
        bold.setFontWeight(QFont.Weight.DemiBold)
        cursor.mergeCharFormat(bold)
