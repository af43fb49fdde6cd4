"""URLs of endpoints and proxies: which can be used, and which are the same."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from beacon_cli.console.secret_names import secret_in_query

WEB = ("http://", "https://")

# Labels of 1 to 63 characters, with a letter somewhere: a name without one must be an IP address.
_HOST_NAME = re.compile(r"(?=.*[a-z])[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


def origin(url: str) -> tuple[str, str]:
    """Return the scheme, and the host with its port, of a URL: the same for each spelling of them."""
    parts = urlsplit(url)
    return parts.scheme, _host(parts)


def normal_url(url: str) -> str:
    """Return the one spelling of a URL: host in lower case, no default port, no slash at the end of the path."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    query = "&".join(part for part in parts.query.split("&") if part)
    return parts._replace(netloc=f"{user}{at}{_host(parts)}", path=parts.path.rstrip("/"), query=query).geturl()


def problem_of_url(url: str, schemes: tuple[str, ...] = WEB, *, secret: str = "it is printed and stored") -> str | None:
    """Return what is wrong with an endpoint's URL, without its text, which may contain a password."""
    if not url.startswith(schemes):
        return f"must start with {', '.join(schemes[:-1])} or {schemes[-1]}"
    if re.search(r"[^!-~]", url):
        return "must be printable ASCII without spaces"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "has an invalid host or port"
    if "@" in parts.netloc:
        return f"must not contain a user or password: {secret}"
    if port == 0 or not (_HOST_NAME.fullmatch(host) or _is_address(host)):
        return "has an invalid host or port"
    if secret_in_query(url) is not None:
        return "its query may hold a secret, and it is printed: use key_env or headers_env"
    return "must not have a fragment (#)" if "#" in url else None


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").removesuffix(".")
    if ":" in host:
        host = f"[{host}]"
    port = parts.port
    return host if port in {None, _DEFAULT_PORTS.get(parts.scheme)} else f"{host}:{port}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
