"""docs/reference/faults.md and the tests that inject its faults speak of the same ones."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "faults.md"
ROW = re.compile(r"^\| (\d+) \|", re.MULTILINE)
MARK = "pytest.mark.fault"


def documented() -> list[int]:
    return [int(number) for number in ROW.findall(PAGE.read_text(encoding="utf-8"))]


@functools.cache
def injected() -> set[int]:
    """Return the number of every `pytest.mark.fault(number, how)` in the tests."""
    marks = [
        node
        for path in (ROOT / "tests").rglob("test_*.py")
        if MARK in (text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == MARK
    ]
    assert all(len(mark.args) == 2 for mark in marks), "a mark names its fault, and how it is injected"
    return {ast.literal_eval(mark.args[0]) for mark in marks}


def test_every_fault_of_the_table_is_injected_by_a_test() -> None:
    assert sorted(set(documented()) - injected()) == []


def test_every_fault_that_is_injected_is_in_the_table() -> None:
    assert sorted(injected() - set(documented())) == []


def test_a_fault_has_one_row() -> None:
    rows = documented()
    assert len(rows) == len(set(rows))
