"""Print the traces of a run as trees, without a collector.

`.venv/bin/python scripts/trace_tree.py COMMAND...` runs a command, such as `beacon run job.yaml`, with a collector of
its own, and prints what that received: when each span began, and what it took, in seconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.collector import Collector, collector, tree

KEYS = ("beacon.region", "beacon.repeat", "beacon.attempt", "http.response.status_code", "error.type", "beacon.status")


def main(command: list[str]) -> int:
    """Run the command, print its traces, and return its exit code."""
    with collector(Collector()) as receiver:
        environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url}
        done = subprocess.run(command, env=environment, check=False)
    print("\n".join(tree(receiver.spans(), *KEYS, timed=True)))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
