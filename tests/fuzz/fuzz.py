"""Fuzz one target with atheris, guided by coverage, for as long as you like.

    .venv/bin/python -m pip install atheris
    .venv/bin/python tests/fuzz/fuzz.py checkpoint --minutes 10

Every error that is no user's error is printed, and its input written to fuzz-output/TARGET, once for each
place where it comes from; once fixed, the input goes to tests/fuzz/found/TARGET as a case.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

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
    # The only package here that needs a compiler: the help works without it.
    import atheris

    with atheris.instrument_imports(include=["fakd_core", "PIL", "safetensors", "tomllib", "zipfile"]):
        from fuzz_targets import run, seeds
    corpus = options.out / options.target / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(seeds(options.target)):
        (corpus / f"seed-{number}").write_bytes(data)
    found: set[str] = set()
    with TemporaryDirectory() as folder:

        def feed(data: bytes) -> None:
            try:
                run(options.target, data, Path(folder))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a find
                *_, place = traceback.extract_tb(error.__traceback__)
                name = f"{type(error).__name__}-{Path(place.filename).stem}-{place.lineno}"
                if name not in found:
                    found.add(name)
                    (corpus.parent / name).write_bytes(data)
                    traceback.print_exc()

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
            feed,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
