"""The certificate authorities that every HTTPS connection of Beacon trusts.

They are all that the variables of curl, OpenSSL and Requests name; if none is set, the system's own store.
Why: docs/decisions/0014-the-systems-certificates.md.
"""

from __future__ import annotations

import functools
import logging
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from beacon_cli.console.program_name import command
from beacon_cli.errors import EnvironmentFault

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# OpenSSL finds certificates in a folder by the hash of their subject.
_HASHED_NAME = re.compile(r"[0-9a-fA-F]{8}\.\d+")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrustedRoots:
    """A TLS context that verifies servers, and a description of what it trusts."""

    context: ssl.SSLContext
    described: str


def trusted_roots() -> TrustedRoots:
    """Return the authorities to trust, read once per process: it takes 20 ms.

    Raises `EnvironmentFault` if a variable names something without a certificate.
    """
    return _roots(tuple((name, os.environ[name]) for name in VARIABLES if os.environ.get(name)))


@functools.lru_cache(maxsize=4)
def _roots(variables: tuple[tuple[str, str], ...]) -> TrustedRoots:
    roots = _named_roots(dict(variables)) if variables else _system_roots()
    _log.info("TLS: trusting %s", roots.described)
    return roots


def _named_roots(variables: Mapping[str, str]) -> TrustedRoots:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for variable, value in variables.items():
        for place in _places(variable, value):
            _trust(context, variable, place)
    return TrustedRoots(context, ", ".join(f"{value} ({variable})" for variable, value in variables.items()))


def _places(variable: str, value: str) -> Iterator[Path]:
    """Yield the files and folders of a variable: SSL_CERT_DIR may name several folders, as OpenSSL reads it."""
    for place in value.split(os.pathsep) if variable == "SSL_CERT_DIR" else [value]:
        if place:
            yield Path(place)


def _trust(context: ssl.SSLContext, variable: str, place: Path) -> None:
    """Add the certificates of a file or a folder. Raises `EnvironmentFault`."""
    try:
        place.stat()
        if not (_added_folder(context, place) if place.is_dir() else _added_file(context, place)):
            raise _refusal(variable, place, "contains no certificate in PEM format")
    except OSError as error:
        raise _refusal(variable, place, f"cannot be read: {error.strerror}") from error


def _added_file(context: ssl.SSLContext, path: Path) -> bool:
    if not path.is_file():  # reading a pipe or a device might never end
        return False
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        return False
    return context.cert_store_stats()["x509"] > 0


def _added_folder(context: ssl.SSLContext, folder: Path) -> bool:
    """Trust a folder as OpenSSL does; if it was not prepared for OpenSSL (`openssl rehash`), file by file."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    if any(_HASHED_NAME.fullmatch(path.name) for path in files):
        context.load_verify_locations(capath=folder)
        return True
    added = [_added_file(context, path) for path in files]  # every one of them, not only up to the first
    return any(added)


def _refusal(variable: str, place: Path, problem: str) -> EnvironmentFault:
    return EnvironmentFault(
        f"{variable} names {place}, which {problem}",
        hint=f"set {variable} to a file or folder with certificates in PEM format, or unset it to trust the system's"
        f" own; see {command('docs network')}",
    )


def _system_roots() -> TrustedRoots:
    """Return the system's own authorities; if it has none, as in a minimal container, Mozilla's from certifi."""
    import httpx2

    context = httpx2.create_ssl_context(trust_env=False)
    if (place := _system_place(context)) is not None:
        return TrustedRoots(context, f"the system's certificates{place}")
    import certifi

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=certifi.where())
    return TrustedRoots(context, f"the certificates of certifi ({certifi.where()}), because this system has none")


def _system_place(context: ssl.SSLContext) -> str | None:
    """Return where the system keeps the certificates of a context, None if it has none."""
    if type(context) is not ssl.SSLContext:  # macOS and Windows: the system itself verifies each connection
        return ""
    paths = ssl.get_default_verify_paths()
    if context.cert_store_stats()["x509"]:
        return f" ({paths.openssl_cafile})" if Path(paths.openssl_cafile).is_file() else ""
    folder = Path(paths.openssl_capath)
    hashed = folder.is_dir() and any(_HASHED_NAME.fullmatch(path.name) for path in folder.iterdir())
    return f" ({folder})" if hashed else None
