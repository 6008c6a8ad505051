"""Draws the packages and the one direction of their imports: `python docs/packages.py` writes the picture.

Rows are the layers of the import contracts in pyproject.toml, highest first; arrows are imports found in the
code, without those that follow from others. The documentation's build fails while the picture is out of date.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterator
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs/images/packages.svg"
BOX_WIDTH, BOX_HEIGHT, ROW_HEIGHT, WIDTH, TITLE_HEIGHT = 118, 28, 64, 860, 26
STYLE = (
    "text{font:13px sans-serif;text-anchor:middle;fill:#222}.title{font-weight:bold;text-anchor:start}"
    "rect{fill:#f3f6fa;stroke:#5b7083}line{stroke:#8aa0b4;marker-end:url(#arrow)}svg{background:#fff}"
)
Layers = list[list[str]]


def read_layers() -> dict[str, Layers]:
    """The rows of packages of `fakd_gui` and `fakd_core`, highest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layered = {
        contract["containers"][0]: [row.replace(" ", "").split("|") for row in contract["layers"]]
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    }
    return {root: layered[root] for root in ("fakd_gui", "fakd_core")}


def find_imports(root: str, layers: Layers) -> set[tuple[str, str]]:
    """Pairs of packages of which the first imports the second, without those that follow from others."""
    graph = grimp.build_graph(root)
    names = [name for row in layers for name in row]
    found = {
        (importer, imported)
        for importer in names
        for imported in names
        if importer != imported
        and graph.direct_import_exists(
            importer=f"{root}.{importer}", imported=f"{root}.{imported}", as_packages=True
        )
    }
    reach: dict[str, set[str]] = {}
    for importer in reversed(names):
        direct = {imported for first, imported in found if first == importer}
        reach[importer] = direct.union(*(reach[name] for name in direct))
    return {
        (importer, imported)
        for importer, imported in found
        if not any(imported in reach[between] for first, between in found if first == importer)
    }


def draw() -> str:
    """The picture as SVG text."""
    parts, top = [], 10
    for root, layers in read_layers().items():
        parts.append(f'<text class="title" x="10" y="{top + 14}">{root}</text>')
        top += TITLE_HEIGHT
        places = {}
        for row in layers:
            step = WIDTH / len(row)
            places.update({name: (step * (index + 0.5), top) for index, name in enumerate(row)})
            top += ROW_HEIGHT
        parts += _arrows(find_imports(root, layers), places)
        parts += _boxes(places)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}">'
        f'<style>{STYLE}</style><defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#8aa0b4"/></marker></defs>'
    )
    return "\n".join([head, *parts, "</svg>", ""])


def _arrows(imports: set[tuple[str, str]], places: dict[str, tuple[float, int]]) -> Iterator[str]:
    for importer, imported in sorted(imports):
        (x1, y1), (x2, y2) = places[importer], places[imported]
        yield f'<line x1="{x1:.0f}" y1="{y1 + BOX_HEIGHT}" x2="{x2:.0f}" y2="{y2}"/>'


def _boxes(places: dict[str, tuple[float, int]]) -> Iterator[str]:
    for name, (x, y) in places.items():
        yield f'<rect x="{x - BOX_WIDTH / 2:.0f}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="5"/>'
        yield f'<text x="{x:.0f}" y="{y + 19}">{name}</text>'


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    PICTURE.write_text(draw(), encoding="utf-8")
