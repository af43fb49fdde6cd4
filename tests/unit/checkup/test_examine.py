"""A part that breaks or hangs stops no other; what is shown where a terminal has only ASCII."""

from __future__ import annotations

import io
import threading

from beacon_cli.checkup.condition import Checkup, Condition
from beacon_cli.checkup.examine import Look, results_of
from beacon_cli.checkup.table import show_checkup
from beacon_cli.console.terminal import console_on
from beacon_cli.errors import StoreError

FINE = Condition("fine", "ok", "all is well")


def broken() -> list[Condition]:
    raise ZeroDivisionError


def refused() -> list[Condition]:
    raise StoreError("refused", hint="ask again")


def test_parts_are_isolated_and_bounded() -> None:
    never = threading.Event()

    def hangs() -> list[Condition]:
        never.wait()
        return []

    parts: dict[str, Look] = {
        "fine": lambda: [FINE],
        "broken": broken,
        "refused": refused,
        "hangs": hangs,
        "last": lambda: [FINE],
    }
    try:
        found = results_of(parts, 0.3)
    finally:
        never.set()
    assert found["fine"] == found["last"] == [FINE]
    assert [condition.status for condition in found["broken"]] == ["failed"]
    assert "ZeroDivisionError" in found["broken"][0].what
    assert found["refused"] == [Condition("refused", "failed", "refused", "ask again")]
    assert [(each.name, each.status, each.what) for each in found["hangs"]] == [
        ("hangs", "failed", "no result within 0.3 s")
    ]


def test_marks_fit_the_terminal() -> None:
    checkup = Checkup((FINE, Condition("bad", "failed", "it is broken", "mend it"), Condition("odd", "warning", "odd")))
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    show_checkup(checkup)(console_on(out))
    out.flush()
    assert out.buffer.getvalue().decode("ascii").splitlines() == [
        "ok   fine  all is well",
        "FAIL bad   it is broken",
        "       do: mend it",
        "!    odd   odd",
        "",
        "not ok: 1 check failed, 1 warning: bad",
    ]
