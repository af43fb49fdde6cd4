"""Beacon: one benchmark, several regions of the world, every answer recorded and audited."""

import sys

# This check comes first, and in syntax that any Python can read: the code after it needs a newer Python to compile.
if sys.version_info < (3, 11):  # noqa: UP036
    _found = (sys.version.split()[0], sys.executable)
    sys.stderr.write("error: beacon needs Python 3.11 or newer, and this is Python %s (%s)\n" % _found)  # noqa: UP031
    sys.exit(3)

from modal_deployment import __version__

__all__ = ["__version__"]
