"""Models can be told apart without hue: their colours by lightness and saturation, too, and by digits."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from inspect_panels import InspectPanel
from PySide6.QtGui import QColor
from skimage.color import deltaE_ciede2000, rgb2lab

from fakd_gui.widgets.theme import DARK, LIGHT, Theme

SEEN_BY = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}
"""Simulations by Machado, Oliveira and Fernandes (2009) at severity 1.0, for linear RGB."""
MIN_DIFFERENCE = 10
"""CIEDE2000: 2 can just be seen side by side; the colours of a legend are apart."""


def lab(colour: str, matrix: np.ndarray) -> np.ndarray:
    encoded = np.array(QColor(colour).getRgbF()[:3])
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    seen = np.clip(matrix @ linear, 0, 1)
    encoded = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    return np.asarray(rgb2lab(encoded[None, None])[0, 0])


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("sight", SEEN_BY)
def test_the_colours_of_models_differ_for_everybody(theme: Theme, sight: str) -> None:
    colours = (theme.teacher, *theme.students, theme.bicubic, theme.hr)
    near = {
        pair: round(float(difference), 1)
        for pair in combinations(colours, 2)
        if (difference := deltaE_ciede2000(*(lab(colour, SEEN_BY[sight]) for colour in pair)))
        < MIN_DIFFERENCE
    }
    assert near == {}


def test_legends_of_inspect_name_panes_by_their_digits(inspected: InspectPanel) -> None:
    state, area = inspected.state, inspected.area
    digits = {key: pane.header.badge for key, pane in area.board.panes.items()}
    teacher, student = state.teacher, state.students[0]
    means = area.affinity_bar.means.text()
    for key in (teacher, student):
        assert f"&#9632;{digits[key]}</span>" in means
    assert [one.digit for one in area.chart.bars.students] == [digits[student]]
    state.move_pane(student, 0)
    inspected.area.draw()
    assert area.board.panes[student].header.badge == "1"
    assert "&#9632;1</span>" in area.affinity_bar.means.text()
