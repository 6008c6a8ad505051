"""The paper's scores, to show beside measured ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from fakd_core.events import Scores

SOURCE = "He et al., FAKD: Feature-Affinity Based Knowledge Distillation, ICIP 2020"

SETS = ("Set5", "Set14", "B100", "Urban100")
"""The benchmark sets of the papers, in their order."""

_OTHER_NAMES = {"bsd100": "B100", "bsds100": "B100"}

Role = Literal["teacher", "student", "student with FAKD"]


@dataclass(frozen=True)
class PublishedNetwork:
    """A network of the paper; `gmacs` are for a 36x64 LR image at x4."""

    method: str
    role: Role
    parameters: float
    gmacs: float | None

    @property
    def name(self) -> str:
        return f"{self.method} {self.role}"


NETWORKS = (
    PublishedNetwork("RCAN", "student", 5.17e6, 12.93),
    PublishedNetwork("RCAN", "student with FAKD", 5.17e6, 12.93),
    PublishedNetwork("RCAN", "teacher", 15.59e6, 36.80),
    PublishedNetwork("SAN", "student", 5.00e6, None),
    PublishedNetwork("SAN", "student with FAKD", 5.00e6, None),
    PublishedNetwork("SAN", "teacher", 15.86e6, None),
)
"""In the order of the tables."""

# Set and scale; then PSNR/SSIM of the networks in their order.
_TABLE = """
Set5     2 38.074/.9608 38.164/.9611 38.271/.9614 38.059/.9607 38.168/.9611 38.310/.9620
Set5     3 34.557/.9284 34.653/.9291 34.758/.9299 34.527/.9278 34.644/.9291 34.750/.9300
Set5     4 32.321/.8964 32.462/.8982 32.638/.9002 32.360/.8968 32.472/.8980 32.640/.9003
Set5     8 27.013/.7758 27.154/.7800 27.310/.7878 26.998/.7761 27.121/.7797 27.170/.7829
Set14    2 33.623/.9183 33.815/.9190 34.126/.9216 33.612/.9175 33.723/.9185 34.070/.9213
Set14    3 30.408/.8438 30.449/.8442 30.627/.8476 30.385/.8430 30.482/.8454 30.590/.8476
Set14    4 28.688/.7840 28.750/.7859 28.851/.7885 28.673/.7841 28.762/.7858 28.920/.7888
Set14    8 24.970/.6402 25.085/.6441 25.261/.6516 24.996/.6422 25.064/.6431 25.140/.6476
B100     2 32.199/.9000 32.274/.9010 32.390/.9027 32.207/.9001 32.287/.9013 32.420/.9028
B100     3 29.162/.8076 29.208/.8087 29.309/.8113 29.140/.8066 29.213/.8090 29.330/.8112
B100     4 27.634/.7381 27.678/.7402 27.748/.7433 27.637/.7385 27.685/.7400 27.780/.7436
B100     8 24.805/.5971 24.868/.6001 24.975/.6056 24.802/.5981 24.859/.5986 24.880/.6011
Urban100 2 32.317/.9302 32.533/.9320 33.176/.9384 32.331/.9304 32.463/.9317 33.100/.9370
Urban100 3 28.482/.8600 28.523/.8602 29.014/.8687 28.421/.8582 28.540/.8607 28.930/.8671
Urban100 4 26.340/.7933 26.422/.7973 26.748/.8067 26.345/.7939 26.414/.7965 26.790/.8068
Urban100 8 22.481/.6175 22.568/.6226 22.978/.6441 22.494/.6208 22.629/.6231 22.700/.6314
"""


def published_set(name: str) -> str | None:
    """The papers' spelling of a set's name; None for any other set."""
    return ({one.lower(): one for one in SETS} | _OTHER_NAMES).get(name.lower())


def published_scores(name: str, scale: int) -> Mapping[PublishedNetwork, Scores]:
    """The paper's scores on the set `name` at `scale`, in the order of `NETWORKS`; empty if it has none."""
    return _table().get((published_set(name), scale), {})


@cache
def _table() -> dict[tuple[str | None, int], dict[PublishedNetwork, Scores]]:
    table: dict[tuple[str | None, int], dict[PublishedNetwork, Scores]] = {}
    for line in _TABLE.strip().split("\n"):
        name, scale, *cells = line.split()
        scores = (Scores(*map(float, cell.split("/"))) for cell in cells)
        table[name, int(scale)] = dict(zip(NETWORKS, scores, strict=True))
    return table
