"""Faults injected for real into whole commands; what must hold afterwards is in tests/support/invariant.py."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import Beacon
from tests.support.invariant import CANARY


@pytest.fixture
def hurt(beacon: Beacon) -> Beacon:
    """A `beacon` that knows secrets, and whose temporary files go to a folder that can be looked into.

    Its regions are never paused: a fault hurts the cells that meet it.
    """
    temporary = beacon.folder / "tmp"
    temporary.mkdir()
    temporary.chmod(0o777)
    beacon.environment |= {
        "TMPDIR": str(temporary),
        "BEACON_LIMITS__REGION_PATIENCE": "0",
        "BEACON_PROXY_KEY": f"wk-{CANARY}-key",
        "BEACON_PROXY_SECRET": f"ws-{CANARY}-secret",
    }
    return beacon
