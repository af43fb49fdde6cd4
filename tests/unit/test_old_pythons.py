"""What a Python that is too old gets to read: a sentence."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import beacon_cli

PRETEND = "import sys; sys.version_info = (3, 10, 13, 'final', 0); sys.version = '3.10.13 (main)'; import beacon_cli"


def test_a_python_that_is_too_old_is_named_with_the_one_that_is_needed() -> None:
    result = subprocess.run([sys.executable, "-c", PRETEND], capture_output=True, text=True, check=False)
    assert result.returncode == 3
    expected = f"error: beacon needs Python 3.11 or newer, and this is Python 3.10.13 ({sys.executable})\n"
    assert result.stderr == expected


def test_the_file_that_says_so_is_read_by_pythons_of_long_ago() -> None:
    assert beacon_cli.__file__ is not None
    source = Path(beacon_cli.__file__).read_text(encoding="ascii")  # Python 2 refuses more without a coding line
    tree = ast.parse(source, feature_version=(3, 0))
    first = next(node for node in tree.body if isinstance(node, ast.ImportFrom))
    guard = next(node for node in tree.body if isinstance(node, ast.If))
    assert guard.lineno < first.lineno
    assert not any(isinstance(node, ast.JoinedStr | ast.AnnAssign) for node in ast.walk(tree))
