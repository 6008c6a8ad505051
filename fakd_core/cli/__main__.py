"""`python -m fakd_core.cli`, as torchrun starts it."""

import os
import signal
import sys
from contextlib import suppress

from fakd_core.cli import main

status = main()
# torchrun ends what is left once one process has ended; this one's status is settled.
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for stream in (sys.stdout, sys.stderr):
    if stream is not None:  # It is None where it was closed.
        with suppress(BrokenPipeError):
            stream.flush()
# DistributedDataParallel keeps gloo's threads alive; one that wakes while Python takes itself down aborts.
os._exit(status)
