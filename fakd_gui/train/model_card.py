"""A card with the sizes and the cost of the networks that a field names, below that field."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QMargins, Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout

from fakd_core.runs.references import model_label
from fakd_gui.widgets.elided_label import wrapped_label
from fakd_gui.widgets.theme import current_theme, with_role

if TYPE_CHECKING:
    from fakd_core.training.check import CheckedNetwork

LINKS = Qt.TextInteractionFlag.LinksAccessibleByMouse | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
COSTS = "GMACs: 10⁹ multiply-accumulates for a low-resolution image of 64×36 px, as in the papers."


class ModelCard(QFrame):
    """Hidden until a network is known."""

    def __init__(self, role: str) -> None:
        """Make an empty card; `role` is the network's in the run, 'Teacher' or 'Student'."""
        super().__init__(toolTip=COSTS, visible=False)
        with_role(self, "card")
        self._role = role
        self.text = wrapped_label(textFormat=Qt.TextFormat.RichText)
        layout = QVBoxLayout(self, contentsMargins=QMargins(9, 6, 9, 7))
        layout.addWidget(self.text)

    def show_networks(self, networks: Sequence[CheckedNetwork], remark: str = "", action: str = "") -> None:
        """Show one paragraph per network, `remark` as the last line, and a link with the text `action`."""
        self.setVisible(bool(networks))
        plain = [
            f"{_name(one)}: {_architecture(one)}, {_sizes(one)}, {_cost(one)}, {one.weights}"
            for one in networks
        ]
        self.setAccessibleName(f"{self._role}: {'; '.join(filter(None, (*plain, remark)))}")
        theme = current_theme()
        muted = f'<span style="color:{theme.muted}">'
        paragraphs = [
            f"<b>{escape(_architecture(one))}</b> {escape(_sizes(one))}<br>{escape(_cost(one))}<br>"
            f"{muted}{escape(_name(one))} · {escape(one.weights)}</span>"
            for one in networks
        ]
        if remark:
            paragraphs.append(f"{muted}{escape(remark)}</span>")
        if action:
            paragraphs.append(f'<a href="#" style="color:{theme.accent}">{escape(action)}</a>')
        flags = Qt.TextInteractionFlag.TextSelectableByMouse
        self.text.setTextInteractionFlags(flags | LINKS if action else flags)
        self.text.setText("<br>".join(paragraphs))


def compare_costs(student: CheckedNetwork, teacher: CheckedNetwork) -> str:
    """The student's cost as a share of the teacher's."""
    parameters = student.cost.parameters / teacher.cost.parameters
    gmacs = student.cost.gmacs / teacher.cost.gmacs
    return f"{parameters:.0%} of the teacher's parameters, {gmacs:.0%} GMACs"


def _name(network: CheckedNetwork) -> str:
    return model_label(network.ref)


def _architecture(network: CheckedNetwork) -> str:
    name = network.spec.architecture
    return f"{name.upper() if name.islower() else name} ×{network.spec.scale}"


def _sizes(network: CheckedNetwork) -> str:
    """Depth and width in words."""
    sizes = network.spec.model_dump()
    depth = " of ".join(
        f"{sizes[name]} {noun}{'s' * (sizes[name] != 1)}"
        for name, noun in (("n_resgroups", "group"), ("n_resblocks", "block"))
        if name in sizes
    )
    return ", ".join(filter(None, (depth, f"{network.spec.n_feats} features")))


def _cost(network: CheckedNetwork) -> str:
    millions, gmacs = _short(network.cost.parameters / 1e6), _short(network.cost.gmacs)
    return f"{millions} M parameters · {gmacs} GMACs"


def _short(value: float) -> str:
    """Three digits, never in scientific notation."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
