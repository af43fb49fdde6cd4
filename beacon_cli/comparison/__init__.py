"""Do answers differ between regions more than inside one? Distances, tests, rates, verdicts."""

from __future__ import annotations

import os

from beacon_cli.extras import require

require("report", "numpy", "rapidfuzz", "budoux")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: for products as small as ours, threads cost time
