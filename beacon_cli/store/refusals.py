"""Why a server, or libpq, refuses a connection: shorter messages, with a hint for each."""

from __future__ import annotations

import os
import re

from psycopg import pq

# psycopg's prefix, libpq's location, and the server's severity: the error already has all of them.
_PREFIX = re.compile(
    r"(?:connection (?:failed|is bad): )?"
    r'(?:connection to server (?:at "[^"]*"(?: \([^)]*\))?, port \d+|on socket "[^"]*") failed: )?'
    r"(?:FATAL:  )?"
)
_HINTS = (
    (r"failed to resolve host|could not translate host name", "check the host in the database URL"),
    (
        r"password authentication failed|no password supplied",
        "correct the user and the password in the database URL, or set PGPASSWORD",
    ),
    (
        r"role \".*\" does not exist|not permitted to log in",
        "name another user in the database URL, or ask the server's administrator",
    ),
    (
        r"database \".*\" does not exist",
        "correct the name in the database URL, or create it: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0",
    ),
    (
        r"too many (connections|clients)|connection slots|no more connections allowed|query_wait_timeout",
        "wait until other programs have closed theirs, or raise the limit (max_connections, or the pool's)",
    ),
    (r"starting up|shutting down|recovery mode", "wait a moment, then run it again"),
    (r"pg_hba\.conf", "the server's pg_hba.conf must admit this user from this machine, with or without TLS"),
    (
        r"SSL|certificate|sslmode|sslrootcert|private key",
        "sslmode and sslrootcert in the database URL (else PGSSLMODE and PGSSLROOTCERT) set what is required",
    ),
    (r"definition of service|service file", "services are defined in ~/.pg_service.conf, or in PGSERVICEFILE"),
    (
        r"unsupported startup parameter",
        "a pooler accepts no options: set the schema with BEACON_DATABASE_SCHEMA, the rest with ALTER ROLE … SET",
    ),
    (
        r"unrecognized configuration parameter|invalid value for parameter",
        "correct the options in the database URL, or PGOPTIONS",
    ),
)


def shortened(text: str) -> str:
    """Return libpq's message without what the error already says: that connecting failed, and where."""
    rest = _PREFIX.sub("", text, count=1)
    return rest or text


def hint_for(text: str) -> str:
    """Return a hint for a refused connection, with libpq's variables that are set in the environment."""
    found = (hint for pattern, hint in _HINTS if re.search(pattern, text, re.IGNORECASE))
    hint = next(found, "check --database-url, and that the server is running")
    names = [default.envvar.decode() for default in pq.Conninfo.get_defaults() if default.envvar]
    if also := [name for name in names if name in os.environ and not re.search(rf"\b{name}\b", hint)]:
        hint += f"; set in the environment: {', '.join(also)}"
    return hint
