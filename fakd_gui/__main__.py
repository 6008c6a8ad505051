"""`python -m fakd_gui`."""

import sys

from fakd_gui.app import main

sys.exit(main())
