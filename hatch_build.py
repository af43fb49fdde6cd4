"""Refuse a Python that is too old before pip looks for dependencies: what it then says names other packages only."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(f"beacon needs Python 3.11 or newer, and this is Python {sys.version.split()[0]}")

from hatchling.metadata.plugin.interface import MetadataHookInterface


class PythonVersion(MetadataHookInterface):
    """Changes nothing."""

    def update(self, metadata: dict[str, object]) -> None:
        """Leave the metadata as they are."""
