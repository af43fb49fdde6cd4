"""Beacon: one benchmark, several regions of the world, every answer recorded and audited."""

import sys

# First of all, and in words that any Python can read: what comes after it needs a newer one even to be compiled.
if sys.version_info < (3, 11):  # noqa: UP036
    _found = (sys.version.split()[0], sys.executable)
    sys.stderr.write("error: beacon needs Python 3.11 or newer, and this is Python %s (%s)\n" % _found)  # noqa: UP031
    sys.exit(3)

from modal_deployment import __version__

__all__ = ["__version__"]
