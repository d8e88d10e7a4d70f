"""The embedded engine: a whole federation on this machine, without a network."""

import os

# Flower reads these as it is imported, which the modules of this package do.
os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
os.environ.setdefault("FLWR_DISABLE_UPDATE_CHECK", "1")
