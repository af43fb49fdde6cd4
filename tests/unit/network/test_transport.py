"""How the URL of a request is spelled."""

from __future__ import annotations

import httpx2
import pytest

from beacon_cli.network.transport import _as_sent


@pytest.mark.parametrize(
    ("configured", "sent"),
    [
        ("http://127.0.0.1:8701/us/inference", "http://127.0.0.1:8701/us/inference"),
        ("https://x.example/a%2Fb;c=d,e?f=g&h=%20", "https://x.example/a%2Fb;c=d,e?f=g&h=%20"),
        ("http://[::1]:8701/a/../b//c/inference", "http://[::1]:8701/b//c/inference"),
        ("http://x.example/./a/inference", "http://x.example/a/inference"),
        ('http://x.example/a`{}"<>/inference', "http://x.example/a%60%7B%7D%22%3C%3E/inference"),
    ],
)
def test_a_url_is_sent_as_urls_are_spelled(configured: str, sent: str) -> None:
    assert _as_sent(configured) == sent == str(httpx2.URL(configured))
