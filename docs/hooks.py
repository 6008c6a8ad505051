"""Additions to `mkdocs build`: pages made from the code, formulas as MathML."""

from __future__ import annotations

import ast
import html
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from typer.core import TyperGroup

from fakd_core.cli.commands import app

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))
import packages  # noqa: E402 - beside this file, which mkdocs loads by its path

OF_THE_PROJECT = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
"""Documents beside the code that are pages of the site too."""

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def on_pre_build(config: MkDocsConfig) -> None:
    """Fail while the picture of the packages shows other imports than the code has."""
    if packages.PICTURE.read_text(encoding="utf-8") != packages.draw():
        raise PluginError(f"{packages.PICTURE.name} is out of date: run python docs/packages.py")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is made from the code or lies beside it."""
    for source, name in OF_THE_PROJECT.items():
        text = (ROOT / source).read_text(encoding="utf-8").replace("](docs/", "](")
        files.append(File.generated(config, name, content=text))
    files.append(File.generated(config, "commands.md", content="\n".join(_commands())))
    files.append(File.generated(config, "api.md", content="\n".join(_api())))
    files.append(File.generated(config, "icon.svg", abs_src_path=str(ROOT / "assets/icon.svg")))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to the project's own documents lead to their pages."""
    for source, name in OF_THE_PROJECT.items():
        markdown = markdown.replace(f"](../{source}", f"]({name}")
    return markdown


def on_page_content(rendered: str, **_: Any) -> str:
    """Formulas as MathML, which browsers draw by themselves: no script, no network."""

    def drawn(formula: re.Match[str]) -> str:
        display = "inline" if formula[2] == "(" else "block"
        return convert(html.unescape(formula[3]), display=display)

    return _FORMULA.sub(drawn, rendered)


def _commands() -> Iterator[str]:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    yield f"# Commands\n\n{group.help} `fakd COMMAND --help` prints what stands here.\n"
    yield from _options(group, "fakd")
    for name, command in group.commands.items():
        yield f"\n## fakd {name}\n\n{command.help}\n"
        yield from _options(command, f"fakd {name}")


def _options(command: Any, name: str) -> Iterator[str]:
    """The usage of a command and a table of its arguments and options, as its `--help` has them."""
    context = command.make_context(name, [], resilient_parsing=True)
    usage = " ".join(command.get_usage(context).split()).removeprefix("Usage: ")
    yield f"    {usage}\n"
    yield "| option | means |\n|---|---|"
    for names, text in filter(None, (param.get_help_record(context) for param in command.params)):
        escaped = re.sub(r"([*<|_\[\]])", r"\\\1", " ".join(text.split()))
        yield f"| `{' '.join(names.split()).replace('|', '/')}` | {escaped} |"


def _api() -> Iterator[str]:
    """The Python page: every public name, grouped by the package that defines it, then events and errors."""
    yield (ROOT / "docs/api-introduction.md").read_text(encoding="utf-8")
    stub = ast.parse((ROOT / "fakd_core/__init__.pyi").read_text(encoding="utf-8"))
    section = ""
    for statement in stub.body:
        if not isinstance(statement, ast.ImportFrom) or statement.module is None:
            continue
        package = statement.module.split(".")[0]
        if package != section:
            section = package
            source = (ROOT / "fakd_core" / package / "__init__.py").read_text(encoding="utf-8")
            yield f"\n## {package.capitalize()}\n\n{ast.get_docstring(ast.parse(source))}\n"
        yield from (f"::: fakd_core.{name.name}" for name in statement.names)
    yield "\n## Events\n\n::: fakd_core.events\n    options:\n      show_if_no_docstring: false"
    yield "\n## Errors\n\n::: fakd_core.errors"
