"""What this program is, and the versions that a report needs."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from fakd_core import __version__

PACKAGES = ("torch", "PySide6-Essentials", "numpy", "pyqtgraph", "scikit-image", "pillow")
TEXT = """<h3>FAKD Workbench {version}</h3>
<p>A heavy teacher network teaches a light student to enlarge images, by feature affinity.</p>
<p>The method: He et al., “FAKD: Feature-Affinity Based Knowledge Distillation for Efficient Image
Super-Resolution”, ICIP 2020.</p>
<p>Free software under the MIT licence.</p>"""


def versions(device: str = "") -> str:
    """A line per part: the program, what it runs on, and the libraries."""
    lines = [
        f"FAKD Workbench {__version__}",
        f"Python {sys.version.split()[0]}",
        f"Qt {qVersion()} ({QGuiApplication.platformName()})",
    ]
    for package in PACKAGES:
        try:
            lines.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return "\n".join([*lines, platform.platform(), *([device] if device else [])])


def open_about(parent: QWidget, device: str = "") -> QMessageBox:
    """The box with icon, versions and a button that copies them; the window stays usable."""
    listed = versions(device)
    box = QMessageBox(parent)
    box.setWindowTitle("About FAKD Workbench")
    box.setIconPixmap(QGuiApplication.windowIcon().pixmap(72, 72))
    box.setText(TEXT.format(version=__version__))
    box.setInformativeText("<br>".join(listed.splitlines()[1:]))
    copy = box.addButton("Copy versions", QMessageBox.ButtonRole.ActionRole)
    box.addButton(QMessageBox.StandardButton.Close)
    copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(listed))
    box.setWindowModality(Qt.WindowModality.NonModal)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.show()
    return box
