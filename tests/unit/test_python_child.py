"""Another Python beside this one, started for real."""

from __future__ import annotations

import asyncio

import pytest

from beacon_cli.console.redaction import protect
from beacon_cli.python_child import end, start_python

_NAMES = ("BEACON_X", "MODAL_X", "KEPT", "ADDED", "OWN_KEY", "OWN_PROXY")
_ENVIRONMENT = f"import os; print([name in os.environ for name in {_NAMES}])"
_STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


def test_a_child_sees_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BEACON_X", "MODAL_X", "KEPT", "OWN_KEY", "OWN_PROXY"):
        monkeypatch.setenv(name, "1")
    protect(["OWN_KEY"], ["OWN_PROXY"])

    async def main() -> bytes:
        process = await start_python("-c", _ENVIRONMENT, withheld=("MODAL_",), variables={"ADDED": "1"})
        said, _ = await process.communicate()
        return said

    assert asyncio.run(main()).decode().strip() == "[False, False, True, True, False, False]"


def test_a_child_that_ignores_sigterm_is_killed() -> None:
    async def main() -> int | None:
        process = await start_python("-c", _STUBBORN)
        assert process.stdout is not None
        await process.stdout.readline()
        await end(process, 0.2)
        return process.returncode

    assert asyncio.run(main()) == -9
