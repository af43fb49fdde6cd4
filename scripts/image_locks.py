"""Write the locks of the images that run on Modal: every package of each, with its version and the hashes of its files.

`python scripts/image_locks.py`, in a clone, after `scripts/constraints.py`: the versions are those that the tests run
with, and `uv` finds what Linux needs beside them, such as the libraries of the GPUs. It asks the index that uv is
configured for; the files name none.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "modal_deployment"
sys.path.insert(0, str(ROOT))

from modal_deployment.images import MODEL_LOCK, PYTHON_VERSION, WEB_LOCK  # noqa: E402

WEB = ("starlette", "pydantic")
MODEL = (*WEB, "torch", "transformers", "huggingface-hub")
CONSTRAINTS = ("constraints.txt", "constraints-dev.txt", "constraints-torch.txt")
HEAD = "# Everything that is installed in this image. Made by: python scripts/image_locks.py\n"


def main() -> None:
    """Write both files."""
    for path, packages in ((WEB_LOCK, WEB), (MODEL_LOCK, MODEL)):
        path.write_text(HEAD + locked(packages), encoding="utf-8")


def locked(packages: tuple[str, ...]) -> str:
    """Return the whole set of packages that these need on Modal's machines, in the form of a file of requirements."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "wanted.in"
        wanted.write_text("".join(f"{name}\n" for name in packages), encoding="utf-8")
        held = Path(folder) / "held.txt"
        held.write_text("".join(map(_versions, CONSTRAINTS)), encoding="utf-8")
        command = [
            *("uv", "pip", "compile", str(wanted), "--quiet", "--generate-hashes", "--constraints", str(held)),
            *("--python-version", PYTHON_VERSION, "--python-platform", "x86_64-manylinux_2_28"),
            *("--only-binary", ":all:", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
        ]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _versions(file: str) -> str:
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if "==" in line)


if __name__ == "__main__":
    main()
