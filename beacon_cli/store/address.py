"""The address of a database, and what a connection to it needs: libpq parameters, and settings after connecting."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from beacon_cli.errors import StoreError

# A lock of another session must not hang an operator's terminal forever.
LOCK_TIMEOUT = "10s"
# A silently lost server or network is noticed within half a minute, instead of libpq's two hours.
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-KEEPALIVES (the last one is in milliseconds)
_DEFAULTS = {
    "connect_timeout": "10",
    "application_name": "beacon",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
# Settings that Beacon depends on, whatever ALTER … SET gave the role or the database.
_SETTINGS = {
    "lock_timeout": LOCK_TIMEOUT,
    "idle_in_transaction_session_timeout": "0",
    "default_transaction_isolation": "read committed",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
}
_NEWER_SETTINGS = {14: {"idle_session_timeout": "0"}, 17: {"transaction_timeout": "0"}}
_URL = re.compile(r"postgres(?:ql)?://(?P<authority>[^/?#]*)(?P<path>[^?]*)\??(?P<query>.*)", re.DOTALL)
_SEARCH_PATH = re.compile(r"(?:-c|--)search[_-]path=(?P<value>.*)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """A database and how to connect to it. Neither part may be shown: the parameters may contain a password.

    `settings` are set by a statement after connecting: a pooler such as PgBouncer refuses them as startup parameters.
    """

    parameters: dict[str, str]
    settings: dict[str, str]

    def settings_for(self, server_version: int) -> dict[str, str]:
        """Return the settings that a server of this version (such as 180001) knows."""
        newer = (known for major, known in _NEWER_SETTINGS.items() if server_version >= major * 10000)
        return {**self.settings, **{name: value for known in newer for name, value in known.items()}}


def address_of(url: str, *, statement_timeout: str, read_only: bool = False, name: str | None = None) -> Address:
    """Return the address of a URL. `name` is what other sessions see. Raises `StoreError` for an unusable URL."""
    parameters = {
        **program_parameters(url),
        "client_encoding": "UTF8",  # psycopg uses it, whatever else the environment, the role or the URL sets
        **({"application_name": name} if name else {}),
    }
    search_path, rest = _without_search_path(_split(_options(parameters)))
    settings = {**_SETTINGS, "statement_timeout": statement_timeout}
    if search_path is not None:
        settings["search_path"] = search_path
    if read_only:
        settings["default_transaction_read_only"] = "on"
    # Set here even if empty: otherwise libpq uses those of the environment.
    return Address({**parameters, "options": _joined(rest)}, settings)


def program_parameters(url: str) -> dict[str, str]:
    """Return the parameters for PostgreSQL's own programs. Raises `StoreError` as `address_of` does."""
    return {**_DEFAULTS, **parsed(url)}


def in_schema(url: str, schema: str | None) -> str:
    """Return the same database with its tables in their own schema. Raises `StoreError` as `address_of` does."""
    if schema is None:
        return url
    given = parsed(url)
    _, rest = _without_search_path(_split(_options(given)))
    return make_conninfo("", **{**given, "options": _joined([*rest, f"-csearch_path={quoted(schema)}"])})


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def parsed(url: str) -> dict[str, str]:
    """Return the parameters in a database URL.

    Raises `StoreError` if it cannot be parsed, or if part of a password may have been parsed as something else.
    """
    # Neither the URL nor psycopg's message may be shown: both can contain the password.
    refusal = StoreError(
        "the database URL cannot be parsed",
        hint="write it as postgresql://user:password@host:5432/name, with special characters percent-encoded"
        " (@ is %40, / is %2F, : is %3A, ? is %3F, # is %23)",
    )
    try:
        given = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
        for host in given.get("host", "").split(","):
            if not host.startswith("/"):
                host.encode("idna")  # as in Python's resolver, which psycopg uses
    except (psycopg.Error, UnicodeError):
        raise refusal from None
    if _ambiguous(url) or not re.fullmatch(r"[\d,]*", given.get("port", "")):
        raise refusal
    return given


def _ambiguous(url: str) -> bool:
    """Return whether an unencoded password may have been parsed as a host, a port or a database's name."""
    if (match := _URL.match(url)) is None:
        return False
    keys = [pair.partition("=")[0] for pair in match["query"].split("&")]
    return match["authority"].count("@") > 1 or any("@" in part for part in (match["path"], *keys))


def _options(parameters: dict[str, str]) -> str:
    return parameters.get("options", os.environ.get("PGOPTIONS", ""))


def _split(options: str) -> list[str]:
    """Return the words of libpq's `options`: a backslash escapes the next character."""
    words = re.findall(r"(?:\\.|[^\s\\])+", options, re.DOTALL)
    return list(_with_values(re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL) for word in words))


def _with_values(words: Iterator[str]) -> Iterator[str]:
    """Join `-c` and its value into one word."""
    for word in words:
        yield word + next(words, "") if word == "-c" else word


def _joined(words: Sequence[str]) -> str:
    return " ".join(re.sub(r"([\s\\])", r"\\\1", word) for word in words)


def _without_search_path(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """Return the search path that the options set, if any, and the other options."""
    found = [match["value"] for word in words if (match := _SEARCH_PATH.fullmatch(word))]
    return (found[-1] if found else None), [word for word in words if not _SEARCH_PATH.fullmatch(word)]
