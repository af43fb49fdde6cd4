"""What the tests of the local target share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's name, which pytest's own do not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)
