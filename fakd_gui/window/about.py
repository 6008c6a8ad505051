"""The About box."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from fakd_core import __version__
from fakd_gui.session.problem import versions

TEXT = """<h3>FAKD Workbench {version}</h3>
<p>A large teacher network teaches a small student to upscale images, by feature affinity.</p>
<p>The method: He et al., “FAKD: Feature-Affinity Based Knowledge Distillation for Efficient Image
Super-Resolution”, ICIP 2020.</p>
<p>Free software under the MIT licence.</p>"""


def open_about(parent: QWidget, device: str = "") -> QMessageBox:
    """Show what the program is, with versions and a button that copies them; not modal."""
    listed = versions(device)
    box = QMessageBox(parent, windowTitle="About FAKD Workbench", text=TEXT.format(version=__version__))
    box.setIconPixmap(QGuiApplication.windowIcon().pixmap(72, 72))
    box.setInformativeText("<br>".join(listed.splitlines()[1:]))
    show_with_copy_button(box, "Copy versions", listed)
    return box


def show_with_copy_button(box: QMessageBox, label: str, text: str) -> None:
    """Show `box`, not modal, with a button that copies `text` and one that closes it."""
    copy = box.addButton(label, QMessageBox.ButtonRole.ActionRole)
    box.addButton(QMessageBox.StandardButton.Close)
    copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(text))
    box.setWindowModality(Qt.WindowModality.NonModal)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.show()
