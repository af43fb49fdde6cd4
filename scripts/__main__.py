"""What is done often in a clone: `.venv/bin/python -m scripts TASK [ARGUMENT ...]`; without a task, a list."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_BIN = Path(sys.executable).parent
_PYTHON = sys.executable
_TASKS = {
    "check": (
        "Style, types, and which way imports point",
        [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"], ["lint-imports"]],
    ),
    "format": ("Format the code, and sort its imports", [["ruff", "check", "--fix", "."], ["ruff", "format", "."]]),
    "unit": ("The pure tests, in seconds", [["pytest", "-n", "2", "tests/unit"]]),
    "test": ("All tests but the long ones", [["pytest", "-n", "6"]]),
    "long": ("The long tests", [["pytest", "-m", "long"]]),
    "coverage": (
        "Which lines the unit and integration tests reach",
        [["pytest", "-n", "6", "--cov=beacon_cli", "tests/unit", "tests/integration"]],
    ),
    "reference": ("Write the reference of commands from their help", [[_PYTHON, "scripts/command_reference.py"]]),
    "constraints": ("Write the constraints anew", [[_PYTHON, "scripts/constraints.py"]]),
    "benchmarks": ("Measure what Beacon costs", [[_PYTHON, "-m", "benchmarks"]]),
}


def main(arguments: list[str]) -> int:
    """Run a task; further arguments go to its last command. Return the exit code of the first command that fails."""
    if not arguments or arguments[0] not in _TASKS:
        print("\n".join(f"{name:12} {meaning}" for name, (meaning, _) in _TASKS.items()))
        return 2 if arguments else 0
    commands = [list(command) for command in _TASKS[arguments[0]][1]]
    commands[-1] += arguments[1:]
    for command in commands:
        program = command[0] if Path(command[0]).is_absolute() else str(_BIN / command[0])
        code = subprocess.run([program, *command[1:]], cwd=Path(__file__).parents[1], check=False).returncode
        if code != 0:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
