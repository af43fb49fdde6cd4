"""The addresses of pages. An id of a job may hold any character."""

from __future__ import annotations

from urllib.parse import quote, urlencode


def job_address(job_id: str, page: str = "", **query: object) -> str:
    """Return the address of a page of a job, such as `/jobs/demo-1/answers`; without `page` that of its overview.

    Quoted twice: servers and browsers undo it once before they look for slashes and dots. Values of the query that
    are None or empty are left out.
    """
    name = quote(job_id, safe="", errors="surrogatepass")
    name = name.replace(".", "%2E") if set(name) == {"."} else name
    return _address(f"/jobs/{quote(name, safe='')}{page and '/' + page}", query)


def page_address(path: str, **query: object) -> str:
    """Return an address with the values of its query that are neither None nor empty."""
    return _address(path, query)


def _address(path: str, query: dict[str, object]) -> str:
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path
