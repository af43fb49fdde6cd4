"""The URLs of a region's app on Modal; the processes that deploy import it, and no settings."""

from __future__ import annotations

from collections.abc import Mapping

from modal_deployment.contents import INFERENCE, STATUS


def urls_of_functions(functions: Mapping[str, str]) -> dict[str, str]:
    """Return a region's URLs by name, from the addresses of the functions of its app on Modal."""
    status = functions[STATUS].rstrip("/")
    urls = {
        "inference": functions[INFERENCE],
        "models": f"{status}/models",
        "health": f"{status}/health",
        "status": status,
    }
    return urls | {name: url for name, url in functions.items() if name not in urls}
