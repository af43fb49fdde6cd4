"""Write the files of constraints anew: the versions that a fresh install of each set of extras gets today.

`python3 scripts/constraints.py [SET ...]`, in a clone. Each set holds what those before it do not.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SETS = {
    "runtime": ("constraints.txt", "local,report,dashboard,semantic,parquet,fleet"),
    "dev": ("constraints-dev.txt", "dev"),
    "torch": ("constraints-torch.txt", "dev,torch"),
}


def main(wanted: list[str]) -> None:
    """Write the files of the sets that are named, or of all."""
    before: list[str] = []
    for name, (file, extras) in SETS.items():
        path = ROOT / file
        if not wanted or name in wanted:
            path.write_text(text(name, frozen(extras, before), before), encoding="utf-8")
        before.append(file)


def frozen(extras: str, before: list[str]) -> list[str]:
    """Return the lines of `pip freeze` of a fresh environment with these extras, under the constraints before."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = str(Path(folder) / "bin" / "pip")
        held = [word for file in before for word in ("--constraint", str(ROOT / file))]
        subprocess.run([pip, "install", "--quiet", *held, f"{ROOT}[{extras}]"], check=True)
        done = subprocess.run([pip, "freeze", "--exclude", "beacon-cli"], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def text(name: str, lines: list[str], before: list[str]) -> str:
    """Return a file of constraints, which includes the one before it."""
    known = {line for file in before for line in (ROOT / file).read_text(encoding="utf-8").splitlines()}
    head = f"# The versions that CI tests with ({name}). Made by: python3 scripts/constraints.py {name}\n"
    included = f"-c {before[-1]}\n" if before else ""
    return head + included + "".join(f"{line}\n" for line in lines if line not in known)


if __name__ == "__main__":
    main(sys.argv[1:])
