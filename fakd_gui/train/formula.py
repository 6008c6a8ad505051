"""The loss as people write it, plain and set in rich text with the colours of its curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from fakd_gui.widgets.theme import Theme

LEGEND = (
    "S: the student's output, T: the teacher's, HR: the ground truth, α: the teacher's share. "
    "Small numbers are the layers that a term compares."
)


@dataclass(frozen=True)
class FormulaTerm:
    """One term of a recipe; `options` are written out, such as 'k=2, pool=max'."""

    weight: float
    name: str
    options: str = ""


@dataclass(frozen=True)
class Formula:
    """Without a teacher the loss is the ground truth's alone, whatever else is set."""

    alpha: float
    terms: Sequence[FormulaTerm]
    layers: Sequence[int]
    has_teacher: bool

    def plain(self) -> str:
        """In one line, for screen readers."""
        if not self.has_teacher:
            return "loss = L1(student, HR)"
        parts = [
            (1 - self.alpha, "L1(student, HR)"),
            (self.alpha, "L1(student, teacher)"),
            *(
                (term.weight, f"{term.name}({term.options})" if term.options else term.name)
                for term in self.terms
            ),
        ]
        return "loss = " + " + ".join(f"{weight:g}·{name}" for weight, name in parts if weight)

    def rich(self, theme: Theme) -> str:
        """As HTML."""

        def part(name: str, text: str) -> str:
            return f'<span style="color:{theme.part_colour(name)}">{text}</span>'

        data = part("DS", "‖S − HR‖<sub>1</sub>")
        if not self.has_teacher:
            return f"<i>L</i> = {data}"
        answers = part("TS", "‖S − T‖<sub>1</sub>")
        parts = [f"(1 − <i>α</i>) {data}"] * (self.alpha < 1) + [f"<i>α</i> {answers}"] * (self.alpha > 0)
        if self.alpha in (0, 1):
            parts = [answers if self.alpha else data]
        layers = ",".join(map(str, self.layers))
        for term in self.terms:
            weight = "" if term.weight == 1 else f"{term.weight:g} "
            given = f"<small>({escape(term.options)})</small>" if term.options else ""
            parts.append(weight + part(term.name, f"{escape(term.name)}<sub>{layers}</sub>{given}"))
        return f"<i>L</i> = {' + '.join(parts)}, <i>α</i>&nbsp;=&nbsp;{self.alpha:g}"
