"""What a container can import: our package alone, with the packages of its image."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import modal_deployment

# What an image never holds: the command line and what only it needs.
ABSENT = [
    "beacon_cli",
    "typer",
    "rich",
    "httpx2",
    "psycopg",
    "ruamel",
    "yoyo",
    "platformdirs",
    "fasteners",
    "xllamacpp",
]
BROUGHT_BY_TRANSFORMERS = ["httpx2", "typer", "rich"]
NO_TORCH = ["torch", "transformers", "accelerate"]
WEB = ["starlette", "fastapi", "pydantic"]
PACKAGE = Path(modal_deployment.__file__).parent
MODULES = sorted(f"modal_deployment.{path.stem}" for path in PACKAGE.glob("*.py") if path.stem != "__init__")
SERVED = [name for name in MODULES if name != "modal_deployment.transformers_generator"]
DECLARED = ["modal_deployment.app", "modal_deployment.modal_hf_eu"]
SCRIPT = """
import importlib, sys
absent, names = (part.split(",") for part in sys.argv[1:3])
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in absent:
            raise ModuleNotFoundError(f"{name} is not in this image", name=name)
sys.meta_path.insert(0, Absent())
for name in names:
    importlib.import_module(name)
print(*sorted(name for name in sys.modules if name.partition(".")[0] in ("modal", "torch", "starlette")))
"""


def imported(absent: list[str], names: list[str]) -> list[str]:
    command = [sys.executable, "-c", SCRIPT, ",".join(absent), ",".join(names)]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_light_image_imports_every_module_but_the_generator() -> None:
    imported([*ABSENT, *NO_TORCH], SERVED)


def test_the_generator_needs_nothing_of_the_command_line() -> None:
    pytest.importorskip("torch", reason="needs torch: pip install '.[torch]'")
    imported([name for name in ABSENT if name not in BROUGHT_BY_TRANSFORMERS], MODULES)


def test_a_container_does_not_import_the_declaration_of_the_app() -> None:
    served = ["modal_deployment.endpoints", "modal_deployment.applications"]
    assert "starlette.applications" in imported([*ABSENT, *NO_TORCH, "modal"], served)


def test_the_machine_that_deploys_needs_no_web_framework() -> None:
    assert "modal.app" in imported([*NO_TORCH, *WEB], DECLARED)
