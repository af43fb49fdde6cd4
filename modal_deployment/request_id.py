"""The id of a request: sent by Beacon, sent back with the answer, so that no answer is taken for another's."""

from __future__ import annotations

import re
from collections.abc import Mapping

HEADER = "Beacon-Request-ID"
"""A name of its own: `X-Request-ID` belongs to proxies, and many of them write their own into it."""

_ID = re.compile(r"[0-9a-f]{32}")


def sent_back(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the header to answer a request with: its own id, none where it has none that looks like one."""
    request_id = headers.get(HEADER, "")
    return {HEADER: request_id} if _ID.fullmatch(request_id) else {}
