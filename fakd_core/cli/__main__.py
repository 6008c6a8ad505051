"""`python -m fakd_core.cli`, as torchrun starts it."""

import os
import signal
import sys
from contextlib import suppress

from fakd_core.cli import main

status = main()
# torchrun terminates the other processes once one has ended; the status of this one is final.
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for stream in (sys.stdout, sys.stderr):
    if stream is not None:  # It is None if it was closed.
        with suppress(OSError):  # A closed pipe.
            stream.flush()
# DistributedDataParallel keeps gloo's threads alive; one that wakes during interpreter shutdown aborts.
os._exit(status)
