"""What a Python that is too old gets to read: a sentence."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import beacon_cli

ROOT = Path(__file__).parents[2]
PRETEND = "import sys; sys.version_info = (3, 10, 13, 'final', 0); sys.version = '3.10.13 (main)'"


def test_a_python_that_is_too_old_is_named_with_the_one_that_is_needed() -> None:
    result = subprocess.run(
        [sys.executable, "-c", f"{PRETEND}; import beacon_cli"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 3
    expected = f"error: beacon needs Python 3.11 or newer, and this is Python 3.10.13 ({sys.executable})\n"
    assert result.stderr == expected


def test_installing_with_it_is_refused_with_the_same_sentence() -> None:
    """Without it, pip's words are about dependencies that have no version for such a Python."""
    build = f"{PRETEND}; import runpy; runpy.run_path({str(ROOT / 'hatch_build.py')!r})"
    result = subprocess.run([sys.executable, "-c", build], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == "beacon needs Python 3.11 or newer, and this is Python 3.10.13\n"


def test_the_file_that_says_so_is_read_by_pythons_of_long_ago() -> None:
    assert beacon_cli.__file__ is not None
    source = Path(beacon_cli.__file__).read_text(encoding="ascii")  # Python 2 refuses more without a coding line
    tree = ast.parse(source, feature_version=(3, 0))
    first = next(node for node in tree.body if isinstance(node, ast.ImportFrom))
    guard = next(node for node in tree.body if isinstance(node, ast.If))
    assert guard.lineno < first.lineno
    assert not any(isinstance(node, ast.JoinedStr | ast.AnnAssign) for node in ast.walk(tree))
