"""`python -m fakd_core.cli`, as torchrun starts it."""

import os
import signal
import sys

from fakd_core.cli import main

status = main()
# torchrun ends what is left once one process has ended; this one's status is settled.
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.stdout.flush()
sys.stderr.flush()
# DistributedDataParallel keeps gloo's threads alive; one that wakes while Python takes itself down aborts.
os._exit(status)
