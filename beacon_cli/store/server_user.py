"""The user that runs PostgreSQL's programs: they refuse root, and `initdb` refuses a user id without a name."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from beacon_cli.accounts import has_name, is_root
from beacon_cli.errors import StoreError
from beacon_cli.python_child import without_secrets

ACCOUNT = "pgserver"
"""The account that the server runs as if Beacon runs as root. It is created when needed."""


@dataclass(frozen=True, slots=True)
class ServerUser:
    """A user that PostgreSQL accepts.

    As root it is the account `pgserver`. A process that PostgreSQL does not accept, and that cannot switch users, puts
    `borrowed_name` in front of a command: this runs it in its own user namespace, in which its user id has the name of
    another account. Outside the namespace the user stays the same, so files keep the right owner.
    """

    uid: int
    gid: int
    is_account: bool = False
    borrowed_name: tuple[str, ...] = ()
    is_namespace_root: bool = False

    def command(self, words: Sequence[str], *, needs_name: bool = False) -> list[str]:
        """Return the command to run, in a namespace if this user would be refused without one."""
        return [*(self.borrowed_name if needs_name or self.is_namespace_root else ()), *words]

    def options(self) -> dict[str, Any]:
        """Return the options for `subprocess` to become this user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_account else {}

    def owns(self, status: os.stat_result) -> bool:
        """Return whether a file belongs to this user, and no other user has access."""
        return status.st_uid == self.uid and not status.st_mode & 0o077


@functools.cache
def server_user() -> ServerUser:
    """Return the user to run the server as. As root, its account is created if missing.

    Raises `StoreError` if PostgreSQL would accept no user that this process can become.
    """
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        return _account() or ServerUser(uid, gid, borrowed_name=_borrowed_name(), is_namespace_root=True)
    return ServerUser(uid, gid, borrowed_name=() if has_name() else _borrowed_name())


def _account() -> ServerUser | None:
    """Return the account `pgserver`, None if it cannot be created, or if this root cannot switch users."""
    import pwd

    if not is_root():
        return None
    try:
        try:
            entry = pwd.getpwnam(ACCOUNT)
        except KeyError:
            _make_account()
            entry = pwd.getpwnam(ACCOUNT)
        user = ServerUser(entry.pw_uid, entry.pw_gid, is_account=True)
        subprocess.run(["true"], check=True, env=without_secrets(), **user.options())
    except (OSError, KeyError, subprocess.SubprocessError):
        return None
    return user


def _make_account() -> None:
    options = ("--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin")
    command = ["useradd", *options, "--user-group", ACCOUNT]
    subprocess.run(command, check=True, capture_output=True, env=without_secrets())


def _borrowed_name() -> tuple[str, ...]:
    """Return the prefix that gives a command another account's name. Raises `StoreError` if that is forbidden."""
    import pwd

    names = [entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0]
    if names and shutil.which("unshare") is not None:
        words = ("unshare", "--user", f"--map-user={names[0]}", "--")
        tried = subprocess.run(
            [*words, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False, env=without_secrets()
        )
        if tried.returncode == 0:
            return words
    raise _refusal()


def _refusal() -> StoreError:
    if os.geteuid() == 0:
        return StoreError(
            f"the embedded PostgreSQL does not run as root, and here root cannot create the user"
            f" {ACCOUNT} or switch to it",
            hint="run beacon as an ordinary user, or name a database with --database-url",
        )
    return StoreError(
        f"the embedded PostgreSQL needs a user with a name, and the user id {os.geteuid()} has none",
        hint=f"add a line to /etc/passwd (beacon:x:{os.geteuid()}:{os.getegid()}::/:/bin/sh), run as an existing"
        " user, or name a database with --database-url",
    )
