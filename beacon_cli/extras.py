"""Optional dependencies: checks for them, and names the extra that installs them, before anything fails."""

from __future__ import annotations

from importlib.util import find_spec

from beacon_cli.errors import MissingExtra


def has(module: str) -> bool:
    """Return whether a module can be imported, without importing it."""
    return find_spec(module) is not None


def require(extra: str, *modules: str) -> None:
    """Raise `MissingExtra` unless all modules can be imported; nothing is imported."""
    if missing := [name for name in modules if not has(name)]:
        raise MissingExtra(f"this needs {' and '.join(missing)}", hint=f"in Beacon's folder: pip install '.[{extra}]'")
