"""`python -m fakd_core.cli`, as torchrun starts it."""

import sys

from fakd_core.cli.main import main

sys.exit(main())
