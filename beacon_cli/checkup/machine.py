"""The program, its Python, and the machine that they run on."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import beacon_cli
from beacon_cli import __version__
from beacon_cli.checkup.condition import Condition
from beacon_cli.console.diagnostics import operating_system
from beacon_cli.console.formatting import quantity, size
from beacon_cli.console.program_name import command
from beacon_cli.store.embedded import too_few_open_files

# What the README promises the quickstart needs.
_MEMORY_FOR_LOCAL_BYTES = 2_000_000_000


def look_at_program() -> list[Condition]:
    """Return which Beacon runs, on which Python."""
    return [
        Condition("program", "ok", f"beacon {__version__}, in {Path(beacon_cli.__file__).parent}"),
        Condition("python", "ok", f"{platform.python_version()} ({sys.executable}), {operating_system()}"),
    ]


def look_at_machine() -> list[Condition]:
    """Return whether there is memory for local models, and how many files may be open."""
    return [_memory(), _open_files()]


def _memory() -> Condition:
    import psutil

    memory = psutil.virtual_memory()
    what = f"{size(memory.available)} of {size(memory.total)} are free, {quantity(os.cpu_count() or 1, 'core')}"
    if memory.available < _MEMORY_FOR_LOCAL_BYTES:
        short = f"{what}; models on this machine need {size(_MEMORY_FOR_LOCAL_BYTES)}"
        return Condition("memory", "warning", short, f"end other programs before {command('run --local')}")
    return Condition("memory", "ok", what)


def _open_files() -> Condition:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    shown = ["any number" if limit == resource.RLIM_INFINITY else str(limit) for limit in (soft, hard)]
    what = f"{shown[0]} may be open at once, and {shown[1]} if a program asks for them"
    if problem := too_few_open_files():
        return Condition("open_files", "failed", f"{what}: too few for the embedded PostgreSQL", problem)
    return Condition("open_files", "ok", what)
