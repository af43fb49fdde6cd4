"""Serve five regions of three kinds on this machine until Ctrl-C, and write the files that a study of them needs.

.venv/bin/python scripts/endpoints_demo.py FOLDER

One is of Beacon's own kind. The others speak as vLLM, Azure, Ollama (behind a SOCKS proxy) and DeepSeek do; DeepSeek
blocks a topic. Their answers are made up. Then, in another terminal: cd FOLDER; . ./keys; beacon run job.yaml
"""

from __future__ import annotations

import argparse
import contextlib
import shlex
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.five_regions import JOB, five_regions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where beacon.toml, job.yaml and keys are written")
    parser.add_argument("--latency", type=float, default=0.3, help="seconds until an answer")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with five_regions(chosen.latency) as regions:
        keys = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in regions.environment.items())
        for name, text in (("beacon.toml", regions.toml), ("job.yaml", JOB), ("keys", keys)):
            (chosen.folder / name).write_text(text)
        print(f"five regions are served. In another terminal: cd {chosen.folder}; . ./keys", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    main()
