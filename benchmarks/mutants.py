"""Mutation test of the engine's heart: how many small faults, put in at random, do the tests notice?

    .venv/bin/pip install cosmic-ray
    .venv/bin/python -m benchmarks.mutants /tmp/mutants --count 300 --seed 15

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
SLOW_IMPORTS = ("torch._dynamo", "pydantic", "scipy.ndimage", "skimage.metrics", "typer")
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


def record_tests(tree: Path) -> None:
    """Run all tests once, to know the time of each and the lines that it reaches."""
    command = ["--cov=fakd_core", "--cov-context=test", "--cov-report=", "--durations=0", "-vv", "-n", "0"]
    with (tree / "durations.txt").open("w") as output:
        subprocess.run(
            [sys.executable, "-m", "pytest", "--timeout=400", *command, *TESTS],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree)},
            stdout=output,
            check=True,
        )


def statement_at(file: Path, line: int) -> range:
    """Return the lines of the innermost statement at a line, without its body."""
    found = range(line, line + 1)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):  # from the outer ones to the inner
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or line):
            body = getattr(node, "body", None)
            end = body[0].lineno if body else (node.end_lineno or line) + 1
            found = range(node.lineno, max(end, line + 1))
    return found


def tests_of(tree: Path, mutant: Mutant) -> list[str]:
    """Return the tests that reach a mutant: those of its own package first, then the fastest."""
    from coverage import CoverageData

    durations = re.findall(r"^([\d.]+)s \w+ +(tests/.*)$", (tree / "durations.txt").read_text(), re.MULTILINE)
    seconds: dict[str, float] = collections.defaultdict(float)
    for duration, test in durations:
        seconds[test] += float(duration)
    data = CoverageData(str(tree / ".coverage"))
    data.read()
    contexts = data.contexts_by_lineno(str(tree / mutant.file))
    lines = statement_at(tree / mutant.file, mutant.line)
    reaching = {test for line in lines for test in contexts.get(line, ())} - {""}
    if not reaching:  # It runs at import: any test of the file may notice.
        reaching = {test for tests in contexts.values() for test in tests} - {""}
    own = f"tests/core/{mutant.file.split('/')[1]}/"
    names = {test.rpartition("|")[0] for test in reaching}
    tests, total = [], 0.0
    for test in sorted(names, key=lambda name: (own not in name, seconds[name], name)):
        total += seconds[test]
        tests += [test] if total < SECONDS else []
    return tests


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

    os._exit(pytest.main(["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests]))


def pass_tests(tree: Path, tests: list[str]) -> bool:
    """Return whether all tests pass; past three times their time they don't."""
    testing = multiprocessing.get_context("fork").Process(target=run_tests, args=(tree, tests))
    testing.start()
    testing.join(3 * SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(testing.pid, signal.SIGKILL)
    testing.join()
    return testing.exitcode == 0


def survives(mutant: Mutant, tree: Path) -> str:
    """Return the changed line if all tests pass with it, else nothing."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    file, tests = tree / mutant.file, tests_of(tree, mutant)
    code = file.read_text(encoding="utf-8")
    changed = mutate_code(code, get_operator(mutant.operator)(), mutant.occurrence)
    try:
        file.write_text(changed, encoding="utf-8")
        if not pass_tests(tree, tests):
            return ""
    finally:
        file.write_text(code, encoding="utf-8")
    lines = zip(code.splitlines(), changed.splitlines(), strict=False)
    difference = next(f"{old.strip()}  ->  {new.strip()}" for old, new in lines if old != new)
    return f"{len(tests)} tests pass: {difference}"


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
    if not (tree / ".coverage").exists():
        record_tests(tree)
    drawn = draw_mutants(chosen.count, chosen.seed)
    if not pass_tests(tree, tests_of(tree, drawn[0])):
        raise SystemExit(f"tests fail without a mutant: see {tree / 'output.txt'}")
    tried = survived = 0
    for number, mutant in enumerate(drawn):
        if chosen.only is None or number in chosen.only:
            found = survives(mutant, tree)
            tried, survived = tried + 1, survived + bool(found)
            print(number, mutant.file, mutant.line, mutant.operator, found or "killed", flush=True)
    print(f"{tried - survived} of {tried} killed")


if __name__ == "__main__":
    main()
