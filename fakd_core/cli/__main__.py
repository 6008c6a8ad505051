"""`python -m fakd_core.cli`, as torchrun starts it."""

import signal
import sys

from fakd_core.cli import main

status = main()
# torchrun ends what is left once one process has ended; this one's status is settled.
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sys.exit(status)
