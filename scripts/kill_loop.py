"""Kill a running job with SIGKILL again and again, finish it, and print what is left: nothing lost, nothing doubled.

.venv/bin/python scripts/kill_loop.py --kills 200
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.acceptance.conftest import new_beacon
from tests.support.kill_loop import kill_loop
from tests.support.regions_server import Regions, regions_server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--questions", type=int, help="default: five a kill, so that the job outlives them")
    parser.add_argument("--seed", type=int, default=7, help="of the moments at which it is killed")
    parser.add_argument("--longest", type=float, default=1.6, help="seconds until a kill; more on a busy machine")
    chosen = parser.parse_args()
    questions = chosen.questions or max(20, 5 * chosen.kills)
    with new_beacon() as beacon, regions_server(Regions(latency=0.1)) as regions:
        beacon.environment |= regions.environment()
        figures = kill_loop(
            beacon,
            regions,
            kills=chosen.kills,
            questions=questions,
            seed=chosen.seed,
            longest=chosen.longest,
            notify=lambda line: print(line, flush=True),
        )
    for name, value in dataclasses.asdict(figures).items():
        print(f"{name:>13}  {value:.0f}")


if __name__ == "__main__":
    main()
