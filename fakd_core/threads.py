"""How torch's threads wait for one another."""

from __future__ import annotations

import os

SPIN_COUNT = "1000"


def share_cores() -> None:
    """Let waiting threads give their core up soon; call before torch is first imported.

    OpenMP's threads spin while they wait, by default for so long that a training step took up to 80 times as
    long on two cores once another program wanted one of them. This bound keeps that at 3 times, and costs
    about a tenth on an idle machine (PASSIVE, which never spins, half). What the user set stays.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
