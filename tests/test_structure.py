"""Rules for the shape of the code: sizes, no import circles, the words of docstrings and pages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("fakd_core", "fakd_gui")
CODE = (*PACKAGES, "benchmarks", "docs", "examples", "tests")
PAGES = ("README.md", "CONTRIBUTING.md", "benchmarks", "docs", "examples", *PACKAGES)
MAX_LINES = 350
MAX_FUNCTION_LINES = 60
MAX_FILES_IN_ROOT = {"fakd_core": 7, "fakd_gui": 4}
CLAUSE = re.compile(
    r"(As|What|Where|Who|Whose|Which|Whether|How|When|Why|Of|That|Those|All that|Everything that)\b"
)
COINED = re.compile(
    r"\b(lessons?|troubles?|heed\w*|told|lineups?|behind|stor(?:y|ies)|twins?|foreign\w*|verdicts?|mend\w*)\b",
    re.IGNORECASE,
)


def python_files() -> Iterator[tuple[str, str]]:
    """The name and the text of each Python file."""
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def docstrings(text: str) -> Iterator[str]:
    """The docstrings of modules, classes, functions, and of constants and attributes."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Expr(ast.Constant(str(docstring))):
                yield docstring.strip()


@pytest.mark.parametrize("package", PACKAGES)
def test_the_root_of_a_package_is_short(package: str) -> None:
    files = sorted(path.name for path in (ROOT / package).glob("*.py"))
    assert len(files) <= MAX_FILES_IN_ROOT[package], files


def test_files_and_functions_fit_on_a_screen_or_a_few() -> None:
    files = {name: lines for name, text in python_files() if (lines := text.count("\n")) > MAX_LINES}
    long = {
        f"{name}: {function.name}": lines
        for name, text in python_files()
        for function in functions(text)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert not files
    assert not long


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_have_no_circle_even_for_types(package: str) -> None:
    graph = grimp.build_graph(package, exclude_type_checking_imports=False, cache_dir=None)
    imported = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imported) > 100
    TopologicalSorter(imported).prepare()


def test_docstrings_open_with_a_sentence() -> None:
    clauses = [
        f"{name}: {docstring.splitlines()[0]}"
        for name, text in python_files()
        for docstring in docstrings(text)
        if CLAUSE.match(docstring)
    ]
    assert not clauses


def test_texts_use_the_words_of_the_field() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()[:90]}"
        for page in PAGES
        for path in ([ROOT / page] if (ROOT / page).is_file() else sorted((ROOT / page).rglob("*")))
        if path.suffix in {".py", ".md", ".toml"}
        for line in path.read_text(encoding="utf-8").splitlines()
        if COINED.search(line)
    ]
    assert not found


ARRAYS = {"NDArray", "ndarray", "Tensor"}


def array_names(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """The names of array types in each file: numpy's and torch's, and aliases of them."""
    own = {
        file: {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name) and holds_array(node.value, ARRAYS)
        }
        for file, tree in trees.items()
    }
    imported = {
        file: {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
            if alias.name in own.get(f"{node.module.replace('.', '/')}.py", ())
        }
        for file, tree in trees.items()
    }
    return {file: ARRAYS | own[file] | imported[file] for file in trees}


def holds_array(annotation: ast.expr, names: set[str]) -> bool:
    """Check whether a value of this type holds an array; a function doesn't."""
    text = re.sub(r"Callable\[.*\]", "", ast.unparse(annotation))
    return any(re.search(rf"\b{name}\b", text) for name in names)


def is_compared(field: ast.AnnAssign) -> bool:
    return field.value is None or "compare=False" not in ast.unparse(field.value)


def test_dataclasses_that_hold_arrays_are_compared_by_identity() -> None:
    """The == that a dataclass gets by default raises for arrays."""
    trees = {name: ast.parse(text) for name, text in python_files() if name.startswith(PACKAGES)}
    names = array_names(trees)
    found = [
        f"{file}: {node.name}.{field.target.id}"
        for file, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for decorator in map(ast.unparse, node.decorator_list)
        if decorator.startswith("dataclass") and "eq=False" not in decorator
        for field in node.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if is_compared(field) and holds_array(field.annotation, names[file])
    ]
    assert not found


MUTABLE = {"SettingsCheck", "TiledPass", "_Known", "RunSeries"}
"""Dataclasses that are filled while something goes on."""


def test_settings_and_messages_are_frozen() -> None:
    thawed = {
        node.name
        for name, text in python_files()
        if name.startswith("fakd_core/")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef)
        for decorator in map(ast.unparse, node.decorator_list)
        if decorator.startswith("dataclass") and "frozen=True" not in decorator
    }
    assert thawed == MUTABLE
