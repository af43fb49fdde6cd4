"""How long an endpoint asks us to wait, in whichever headers it says so."""

from __future__ import annotations

import time

import pytest

from beacon_cli.executor.answer import Reply, told_wait

EXHAUSTED = {"x-ratelimit-remaining-requests": "0"}


@pytest.mark.parametrize(
    ("headers", "retry_after", "seconds"),
    [
        ({}, None, None),
        ({"retry-after-ms": "1500"}, "2", 1.5),
        ({"retry-after-ms": "soon"}, "2", 2),
        ({"retry-after-ms": "nan"}, None, None),
        ({"retry-after-ms": "-5"}, None, 0),
        ({**EXHAUSTED, "x-ratelimit-reset-requests": "6m0s"}, None, 360),
        ({**EXHAUSTED, "x-ratelimit-reset-requests": "2m59.56s"}, None, 179.56),
        ({**EXHAUSTED, "x-ratelimit-reset-requests": "12ms"}, None, 0.012),
        ({**EXHAUSTED, "x-ratelimit-reset-requests": "17"}, None, 17),
        ({**EXHAUSTED, "x-ratelimit-reset-requests": "17"}, "3", 3),
        ({**EXHAUSTED, "x-ratelimit-reset-requests": "later"}, None, None),
        ({**EXHAUSTED}, None, None),
        ({"x-ratelimit-remaining-requests": "9", "x-ratelimit-reset-requests": "6m0s"}, None, None),
        ({"x-ratelimit-remaining-requests": "-1", "x-ratelimit-reset-requests": "0"}, None, None),
        (
            {
                **EXHAUSTED,
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "9s",
            },
            None,
            9,
        ),
        ({**EXHAUSTED, "x-ratelimit-reset-requests": "1e400"}, None, None),
        ({"retry-after-ms": "1e300"}, None, 30 * 86400),
    ],
)
def test_the_surest_header_counts(headers: dict[str, str], retry_after: str | None, seconds: float | None) -> None:
    told = told_wait(Reply(429, b"", headers=headers, retry_after=retry_after))
    assert told == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("unit", [1, 1000])
def test_a_moment_is_understood_too(unit: int) -> None:
    at = str(round((time.time() + 30) * unit))
    told = told_wait(Reply(429, b"", headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": at}))
    assert told is not None
    assert 28 < told <= 31
