"""Distillation recipes, such as `10*SA+0.5*PSA(k=2,pool=max)@2,3`: parsing, validation and formatting."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from fakd_core.distillation.terms import POSITIONS, TERMS, Compared, Parameter, TermKind, Value
from fakd_core.errors import ConfigError
from fakd_core.models.spec import TAP_COUNT

_TOKEN = re.compile(
    r"(?P<number>(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)|(?P<name>[a-z_]\w*)|(?P<sign>\S)", re.I | re.A
)
_END = "the end"
_MAX_CHARACTERS = 1000
"""All kinds of terms together, with every parameter, take some two hundred."""


@dataclass(frozen=True)
class Term:
    """One weighted term.

    `params` are all parameters of its kind, in that order, without hidden defaults. `layers` are the taps
    that it compares; without any, it compares those of the run.
    """

    weight: float
    name: str
    params: tuple[tuple[str, Value], ...] = ()
    layers: tuple[int, ...] = ()

    @property
    def kind(self) -> TermKind:
        kind = TERMS.find(self.name)
        if kind is None:
            raise ConfigError(f"unknown distillation term {self.name!r}; known: {', '.join(TERMS.names)}")
        return kind

    @property
    def full_name(self) -> str:
        """The name with parameters and layers, without the weight."""
        params = ",".join(f"{name}={_format(value)}" for name, value in self.params)
        layers = ",".join(map(str, self.layers))
        return f"{self.name}{params and f'({params})'}{layers and f'@{layers}'}"

    def __str__(self) -> str:
        return f"{_format(self.weight)}*{self.full_name}"


class Recipe(tuple[Term, ...]):
    """Weighted terms in order. `str(recipe)` parses to an equal recipe; without terms it is `none`."""

    __slots__ = ()

    def __str__(self) -> str:
        return "+".join(map(str, self)) or "none"

    @property
    def share(self) -> float:
        """The share of a map's positions that the recipe needs: below 1 for one SA over a sample of them."""
        maps = self.comparing("maps")
        if len(maps) != 1 or maps[0].kind.prepare is not None:
            return 1.0
        return float(dict(maps[0].params).get(POSITIONS, 1))

    def comparing(self, what: Compared) -> Recipe:
        """The terms that compare this."""
        return Recipe(term for term in self if term.kind.compares == what)

    def layers(self, layers: Sequence[int]) -> tuple[int, ...]:
        """All taps that are compared, ascending, if terms without layers of their own use `layers`."""
        return tuple(sorted({layer for term in self.comparing("maps") for layer in term.layers or layers}))

    @property
    def part_names(self) -> tuple[str, ...]:
        """One name per term: the short one, or that with parameters if several terms are of one kind."""
        short = [term.name for term in self]
        return tuple(term.name if short.count(term.name) == 1 else term.full_name for term in self)


def parse_recipe(text: str) -> Recipe:
    """Parse `[WEIGHT*]NAME[(PARAMETER=VALUE,...)][@LAYER,...]`, several joined by `+`.

    A missing weight is 1, a missing parameter its default; names may be in any case. A term without layers
    compares those of the run.
    `none`, or nothing, is the recipe without terms.

    Raises:
        ConfigError: with the position (from 1) of the error and what was expected there.
    """
    if len(text) > _MAX_CHARACTERS:
        raise ConfigError(
            f"recipe: expected at most {_MAX_CHARACTERS} characters, such as 10*SA+0.5*AT, found {len(text)}"
        )
    if text.strip().lower() in ("", "none"):
        return Recipe()
    return _Parser(text).parse()


def _format(value: Value) -> str:
    """The shortest text that parses to `value`."""
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class _Token:
    text: str
    position: int
    kind: str | None = None


class _Parser:
    """A recursive-descent parser with one token of lookahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [_Token(one[0], one.start(), one.lastgroup) for one in _TOKEN.finditer(text)]
        self._next = 0

    def parse(self) -> Recipe:
        terms: list[Term] = []
        while True:
            start = self._peek()
            term = self._parse_term()
            if any(term.full_name == other.full_name for other in terms):
                raise self._error(start, f"{term.full_name} is given twice: add up the weights in one term")
            terms.append(term)
            if self._peek().text == _END:
                return Recipe(terms)
            self._expect("+")

    def _peek(self) -> _Token:
        return next(iter(self._tokens[self._next :]), _Token(_END, len(self._text)))

    def _take(self) -> _Token:
        token = self._peek()
        self._next += 1
        return token

    def _expect(self, text: str) -> None:
        token = self._take()
        if token.text != text:
            raise self._error(token, f"expected {text!r}, found {_quoted(token)}")

    def _error(self, token: _Token, reason: str) -> ConfigError:
        return ConfigError(f"recipe {self._text!r}, character {token.position + 1}: {reason}")

    def _parse_term(self) -> Term:
        weight = 1.0
        start = self._peek()
        following = self._tokens[self._next + 1 : self._next + 2]
        if start.kind == "number":
            weight = float(self._take().text)
            if not (math.isfinite(weight) and weight > 0):
                raise self._error(start, f"a weight must be a positive, finite number, found {start.text}")
            self._expect("*")
        elif start.text == "-" or (following and following[0].text == "*"):
            raise self._error(start, f"a weight must be a positive number, found {_quoted(start)}")
        name = self._take()
        if name.kind != "name":
            raise self._error(name, f"expected a term ({', '.join(TERMS.names)}), found {_quoted(name)}")
        kind = TERMS.find(name.text)
        if kind is None:
            known = f"known: {', '.join(TERMS.names)}"
            raise self._error(
                name, f"unknown term {name.text!r}{_suggestion(name.text, TERMS.names)}; {known}"
            )
        given = self._parse_parameters(kind) if self._peek().text == "(" else {}
        params = [(one, given.get(one.name, one.default)) for one in kind.parameters]
        shown = [(one.name, value) for one, value in params if not one.hidden_default or value != one.default]
        layers = self._parse_layers(kind) if self._peek().text == "@" else ()
        return Term(weight, kind.name, tuple(shown), layers)

    def _parse_parameters(self, kind: TermKind) -> dict[str, Value]:
        opening = self._take()
        if not kind.parameters:
            raise self._error(opening, f"{kind.name} has no parameters")
        by_name = {parameter.name.lower(): parameter for parameter in kind.parameters}
        values: dict[str, Value] = {}
        while True:
            name = self._take()
            names = tuple(parameter.name for parameter in kind.parameters)
            parameter = by_name.get(name.text.lower())
            if name.kind != "name":
                raise self._error(name, f"expected a parameter ({', '.join(names)}), found {_quoted(name)}")
            if parameter is None:
                raise self._error(
                    name,
                    f"{kind.name} has no parameter {_quoted(name)}{_suggestion(name.text, names)}; "
                    f"it has {', '.join(names)}",
                )
            if parameter.name in values:
                raise self._error(name, f"{parameter.name} is given twice")
            self._expect("=")
            values[parameter.name] = self._parse_value(parameter)
            closing = self._take()
            if closing.text == ")":
                return values
            if closing.text != ",":
                raise self._error(closing, f"expected ',' or ')', found {_quoted(closing)}")

    def _parse_layers(self, kind: TermKind) -> tuple[int, ...]:
        start = self._take()
        if kind.compares != "maps":
            raise self._error(start, f"{kind.name} compares outputs: it has no layers")
        layers: list[int] = []
        while True:
            token = self._take()
            if not token.text.isdecimal() or int(token.text) >= TAP_COUNT:
                raise self._error(token, f"expected a layer, 0..{TAP_COUNT - 1}, found {_quoted(token)}")
            if int(token.text) in layers:
                raise self._error(token, f"layer {token.text} is given twice")
            layers.append(int(token.text))
            if self._peek().text != ",":
                break
            self._take()
        if len(layers) < kind.min_layers:
            raise self._error(start, f"{kind.name} compares at least {kind.min_layers} layers")
        return tuple(layers)

    def _parse_value(self, parameter: Parameter) -> Value:
        token = self._take()
        sign = token.text if token.text == "-" else ""
        found = sign + self._take().text if sign else token.text
        try:
            return parameter.parse(found)
        except ValueError:
            quoted = found if found == _END else repr(found)
            raise self._error(
                token, f"{parameter.name} must be {parameter.allowed}, found {quoted}"
            ) from None


def _quoted(token: _Token) -> str:
    return token.text if token.text == _END else repr(token.text)


def _suggestion(text: str, known: tuple[str, ...]) -> str:
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(text.lower(), by_lower, n=1, cutoff=0.5)
    return f", did you mean {by_lower[close[0]]}?" if close else ""
