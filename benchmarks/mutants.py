"""Mutation test of the engine's heart: how many small faults, put in at random, do the tests notice?

    .venv/bin/pip install cosmic-ray
    .venv/bin/python -m benchmarks.mutants ../mutants --count 300 --seed 15

cosmic-ray makes the faults. Its own runner would start Python, torch and a package's tests for each; here a
process that has torch already is forked, and runs the tests that reach the changed line until one fails.
"""

from __future__ import annotations

import argparse
import ast
import collections
import contextlib
import importlib
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEART = (
    *("distillation/*.py", "models/*.py", "data/resize.py", "data/image_files.py", "evaluation/metrics.py"),
    *("training/loop.py", "training/learner.py", "training/trainer.py", "runs/*.py"),
)
TESTS = ("tests/core", "tests/catalogue", "tests/cli")
# `|` is in annotations nearly everywhere, and `is` for `==` is no fault where small numbers are compared.
LEFT_OUT = re.compile(r"/Variable|BitOr_|BinaryOperator_\w+_BitOr$|Comparison\w+_(?!Is)[A-Za-z]+_Is(Not)?$")
SLOW_IMPORTS = (
    *("torch._dynamo", "pydantic", "scipy.ndimage", "skimage.metrics", "skimage.data", "typer", "psutil"),
    *("pytest", "pytestqt.plugin", "pytest_cov", "xdist", "hypothesis.extra.numpy", "safetensors.torch"),
)
SECONDS = 60
"""Time of all tests that are run for one mutant."""


@dataclass(frozen=True)
class Mutant:
    """One change of one file: an operator of cosmic-ray, and at which of its places."""

    file: str
    line: int
    operator: str
    occurrence: int


def draw_mutants(count: int, seed: int) -> list[Mutant]:
    """Draw places of the code, and for each one of the changes that are possible there."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    places: dict[tuple[str, int, int], list[Mutant]] = collections.defaultdict(list)
    names = sorted(name for name in operator_names() if not LEFT_OUT.search(name))
    for path in sorted(path for pattern in HEART for path in (ROOT / "fakd_core").glob(pattern)):
        file, nodes = str(path.relative_to(ROOT)), list(ast_nodes(get_ast(path.read_text(encoding="utf-8"))))
        for name in names:
            operator = get_operator(name)()
            positions = (position for node in nodes for position in operator.mutation_positions(node))
            for occurrence, ((line, column), _) in enumerate(positions):
                places[file, line, column].append(Mutant(file, line, name, occurrence))
    chance = random.Random(seed)
    return [chance.choice(places[place]) for place in chance.sample(sorted(places), count)]


def call_pytest(tree: Path, output: str, *arguments: str) -> list[str]:
    """Run pytest over all tests in a process of its own, and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    with (tree / output).open("w") as file:
        command = [sys.executable, "-m", "pytest", "-n", "0", *arguments, *TESTS]
        subprocess.run(command, cwd=tree, env=environment, stdout=file, check=True)
    return (tree / output).read_text(encoding="utf-8").splitlines()


class Record:
    """The tests there are, and for those that were run once, their time and the lines that each reaches.

    The run is kept in `tree`. Where the code has changed since, all tests of the file count as reaching a
    line, and new tests of its package are run first.
    """

    def __init__(self, tree: Path) -> None:
        from coverage import CoverageData

        self._tree, kept = tree, tree / ".coverage"
        if not kept.exists():
            options = "--cov=fakd_core --cov-context=test --cov-report= --durations=0 -vv --timeout=400"
            call_pytest(tree, "durations.txt", *options.split())
        self.present = [
            line for line in call_pytest(tree, "tests.txt", "--collect-only", "-q") if "::" in line
        ]
        self._written = kept.stat().st_mtime
        self._coverage = CoverageData(str(kept))
        self._coverage.read()
        self._known = {context.rpartition("|")[0] for context in self._coverage.measured_contexts()}
        self._seconds: dict[str, float] = collections.defaultdict(float)
        durations = (tree / "durations.txt").read_text(encoding="utf-8")
        for seconds, test in re.findall(r"^([\d.]+)s \w+ +(tests/.*)$", durations, re.MULTILINE):
            self._seconds[test] += float(seconds)

    def tests(self, mutant: Mutant) -> Iterator[list[str]]:
        """The tests that reach a mutant: those of its own package, then others, the fastest first."""
        file = self._tree / mutant.file
        contexts = self._coverage.contexts_by_lineno(str(file))
        same = file.stat().st_mtime < self._written
        lines = statement_at(file, mutant.line) if same else contexts
        reaching = {test for line in lines for test in contexts.get(line, ())} - {""}
        if not reaching:  # The line runs at import, as far as is known.
            reaching = {test for tests in contexts.values() for test in tests} - {""}
        names = {test.rpartition("|")[0] for test in reaching}
        own = f"tests/core/{mutant.file.split('/')[1]}/"
        names |= {test for test in self.present if own in test and test not in self._known}
        total = 0.0
        for stage in (True, False):
            chosen = []
            for test in sorted(names & {*self.present}, key=lambda name: (self._seconds[name], name)):
                if (own in test) is stage and total + self._seconds[test] < SECONDS:
                    total += self._seconds[test]
                    chosen.append(test)
            if chosen:
                yield chosen


def statement_at(file: Path, line: int) -> range:
    """Return the lines of the innermost statement at a line, without its body."""
    found = range(line, line + 1)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):  # from the outer ones to the inner
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or line):
            body = getattr(node, "body", None)
            end = body[0].lineno if body else (node.end_lineno or line) + 1
            found = range(node.lineno, max(end, line + 1))
    return found


def run_tests(tree: Path, tests: list[str]) -> None:
    """Run tests in this process, which ends with pytest's exit code."""
    os.setsid()
    os.chdir(tree)
    os.environ |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    # Without bytecode files: two mutants of one size, written in one second, would share one.
    sys.path[0], sys.dont_write_bytecode = str(tree), True
    output = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    import pytest

    imported = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
    os._exit(pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *imported, *tests]))


def pass_tests(tree: Path, tests: list[str]) -> bool:
    """Return whether all tests pass; past three times their time they don't."""
    testing = multiprocessing.get_context("fork").Process(target=run_tests, args=(tree, tests))
    testing.start()
    testing.join(3 * SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(testing.pid, signal.SIGKILL)
    testing.join()
    return testing.exitcode == 0


def survives(mutant: Mutant, tree: Path, record: Record) -> str:
    """Return the changed line if all tests pass with it, else nothing."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    file, stages = tree / mutant.file, list(record.tests(mutant))
    code, written = file.read_text(encoding="utf-8"), file.stat()
    changed = mutate_code(code, get_operator(mutant.operator)(), mutant.occurrence)
    try:
        file.write_text(changed, encoding="utf-8")
        if not all(pass_tests(tree, tests) for tests in stages):
            return ""
    finally:
        file.write_text(code, encoding="utf-8")
        os.utime(file, ns=(written.st_atime_ns, written.st_mtime_ns))
    lines = zip(code.splitlines(), changed.splitlines(), strict=False)
    difference = next(f"{old.strip()}  ->  {new.strip()}" for old, new in lines if old != new)
    return f"{sum(map(len, stages))} tests pass: {difference}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="for a copy of the project, in which the faults are put")
    parser.add_argument("--count", type=int, default=300, help="mutants to draw")
    parser.add_argument("--seed", type=int, default=15, help="of the draw")
    parser.add_argument("--only", type=int, nargs="*", help="numbers of mutants to try again")
    chosen = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in SLOW_IMPORTS:
        importlib.import_module(name)
    tree = chosen.folder
    shutil.copytree(
        ROOT, tree, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "__pycache__", "site")
    )
    record, drawn = Record(tree), draw_mutants(chosen.count, chosen.seed)
    if not pass_tests(tree, next(record.tests(drawn[0]))):
        raise SystemExit(f"tests fail without a mutant: see {tree / 'output.txt'}")
    tried = survived = 0
    for number, mutant in enumerate(drawn):
        if chosen.only is None or number in chosen.only:
            found = survives(mutant, tree, record)
            tried, survived = tried + 1, survived + bool(found)
            print(number, mutant.file, mutant.line, mutant.operator, found or "killed", flush=True)
    print(f"{tried - survived} of {tried} killed")


if __name__ == "__main__":
    main()
