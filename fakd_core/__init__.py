"""Distil image super-resolution networks by feature affinity (FAKD): models, losses, trainer, metrics.

The public names and their types stand in `__init__.pyi`; each is imported on first use (PEP 562), so that
neither the command line nor the window waits for torch.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
