"""Optional dependencies: which extra brings them, said before anything fails for the want of one."""

from __future__ import annotations

from importlib.util import find_spec

from beacon_cli.errors import MissingExtra


def has(module: str) -> bool:
    """Whether a module can be imported; it is not."""
    return find_spec(module) is not None


def require(extra: str, *modules: str) -> None:
    """Raise `MissingExtra` unless all modules can be imported; none of them is."""
    if missing := [name for name in modules if not has(name)]:
        raise MissingExtra(f"this needs {' and '.join(missing)}", hint=f"in Beacon's folder: pip install '.[{extra}]'")
