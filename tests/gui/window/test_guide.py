"""The user guide in the window: pages, links, pictures, formulas."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from fakd_core.assets import docs_dir
from fakd_gui.widgets.theme import watcher
from fakd_gui.window.guide import TEXT_WIDTH, Guide
from fakd_gui.window.main_window import MainWindow


@pytest.fixture
def guide(qtbot: QtBot) -> Iterator[Guide]:
    parent = QWidget()
    qtbot.addWidget(parent)
    opened = Guide(parent)
    opened.resize(1100, 700)
    opened.show()
    yield opened
    opened.close()


def top_heading(guide: Guide) -> str:
    """The first heading that is in sight."""
    page = guide.page
    top = page.verticalScrollBar().value()
    layout = page.document().documentLayout()
    return next(block.text() for block in page.headings if layout.blockBoundingRect(block).top() >= top)


def test_f1_opens_the_page_of_the_workspace(qtbot: QtBot, window: MainWindow) -> None:
    with qtbot.waitActive(window):
        window.activateWindow()
    window.show_workspace("Inspect")
    window.workspaces.setFocus()
    qtbot.keyClick(window.workspaces, Qt.Key.Key_F1)
    guide = window.findChild(Guide)
    assert guide is not None
    assert not guide.isModal()
    assert top_heading(guide) == "Inspect"
    # Again: the same window, at the page of the workspace then in front.
    window.show_workspace("Train")
    window.open_guide()
    assert window.findChildren(Guide) == [guide]
    assert top_heading(guide) == "Train"


def test_links_and_the_contents_lead_to_headings(guide: Guide) -> None:
    guide.open("index.md")
    guide.page.setSource(QUrl("method.md#affinity"))
    assert top_heading(guide) == "Affinity"
    row = guide.contents.findItems("Terms", Qt.MatchFlag.MatchEndsWith)[0]
    guide.contents.setCurrentItem(row)
    guide.contents.itemActivated.emit(row)
    assert top_heading(guide) == "Terms"
    guide.page.backward()
    assert guide.page.source().fileName() == "index.md"
    assert guide.page.headings[0].text() == "FAKD Workbench"


def test_every_page_shows_its_pictures_and_formulas(guide: Guide) -> None:
    for page in sorted(docs_dir().glob("*.md")):
        guide.open(page.name)
        document = guide.page.document()
        images = []
        block = document.begin()
        while block.isValid():
            formats = [fragment.fragment().charFormat() for fragment in block]
            images += [form.toImageFormat().name() for form in formats if form.isImageFormat()]
            links = [QUrl(form.anchorHref()) for form in formats if form.isAnchor()]
            assert all((docs_dir() / link.path()).exists() for link in links if link.isRelative())
            block = block.next()
        for name in images:
            image = document.resource(QTextDocument.ResourceType.ImageResource.value, QUrl(name))
            assert not image.isNull()
            assert image.deviceIndependentSize().width() <= TEXT_WIDTH
        formulas = [name for name in images if name.startswith("formula:")]
        assert ("$$" in page.read_text(encoding="utf-8")) <= bool(formulas)
        assert "\\mathcal" not in document.toPlainText()
        assert guide.page.horizontalScrollBar().maximum() == 0


def test_text_is_found_again_from_the_top(guide: Guide) -> None:
    guide.open("user-guide.md")
    guide.search.setText("filmstrip")
    found = []
    for _ in range(20):
        guide.search.returnPressed.emit()
        found.append(guide.page.textCursor().position())
    assert len(set(found)) < len(found)
    assert guide.page.textCursor().selectedText().lower() == "filmstrip"


def test_it_follows_the_theme_at_its_place(guide: Guide) -> None:
    guide.open("method.md#terms")
    watcher().choose("dark")
    try:
        assert top_heading(guide) == "Terms"
    finally:
        watcher().choose("system")
