"""Fuzz one target with atheris, guided by coverage, for as long as you like.

    .venv/bin/python -m pip install atheris
    .venv/bin/python tests/fuzz/fuzz.py checkpoint --minutes 10

A find is written to fuzz-output/TARGET; once mended, it goes to tests/fuzz/found/TARGET as a case.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

TARGETS = ("recipe", "config", "figure", "results", "image", "checkpoint", "state")
MEMORY_MB = 4000
LONGEST_S = 20
"""One input may take no longer."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--out", type=Path, default=Path("fuzz-output"))
    options = parser.parse_args()
    with atheris.instrument_imports(include=["fakd_core", "PIL", "safetensors", "tomllib", "zipfile"]):
        from fuzz_targets import run, seeds
    corpus = options.out / options.target / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(options.target)):
        (corpus / f"seed-{number}").write_bytes(data)
    with TemporaryDirectory() as folder:
        atheris.Setup(
            [
                sys.argv[0],
                f"-max_total_time={round(60 * options.minutes)}",
                f"-timeout={LONGEST_S}",
                f"-rss_limit_mb={MEMORY_MB}",
                f"-artifact_prefix={corpus.parent}/",
                "-max_len=20000",
                str(corpus),
            ],
            lambda data: run(options.target, data, Path(folder)),
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
