from __future__ import annotations

import platform
import subprocess

import pytest

from beacon_cli.console.diagnostics import operating_system


def test_the_operating_system_is_named_without_starting_a_program_that_would_get_our_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        pytest.fail("a program was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    assert operating_system().startswith(f"{platform.system()}-{platform.release()}-")
