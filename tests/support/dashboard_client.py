"""The dashboard as a browser sees it that was let in: real pages from a real database, without a socket."""

from __future__ import annotations

from starlette.testclient import TestClient

from beacon_cli.config import load_settings
from beacon_cli.dashboard.app import create_app
from beacon_cli.dashboard.site import Site

PORT = 8800
ADDRESS = f"http://127.0.0.1:{PORT}"


def looking(database_url: str) -> TestClient:
    """Return a client that may see the pages of a database."""
    client, site = stranger(database_url)
    assert client.get("/", params={"token": site.token}).status_code == 200
    return client


def stranger(database_url: str) -> tuple[TestClient, Site]:
    """Return a client that was not let in, and what it would see."""
    site = Site(load_settings(None), database_url)
    return TestClient(create_app(site, port=PORT), base_url=ADDRESS, follow_redirects=False), site
