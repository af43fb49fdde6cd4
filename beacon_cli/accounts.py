"""Who runs this program: whether it is root, and whether the account has a name and a home folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from beacon_cli.errors import EnvironmentFault

_UID_MAP = Path("/proc/self/uid_map")
_OVERFLOW_UID = Path("/proc/sys/kernel/overflowuid")


def is_root() -> bool:
    """Return whether this is root of the machine, or of a container.

    Root of a user namespace without other users (`unshare --map-root-user`) is really an ordinary account, and counts
    as one: man 7 user_namespaces.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    try:
        mappings = _UID_MAP.read_text().splitlines()
    except OSError:  # not Linux
        return True
    return sum(int(mapping.split()[2]) for mapping in mappings) > 1


def trusted_owners() -> frozenset[int]:
    """Return the users whose files this process can trust: its own user, and root.

    In a user namespace without root, root's files seem to belong to nobody: man 7 user_namespaces.
    """
    owners = {0, os.geteuid()}
    if _is_in_namespace():
        owners.add(int(_OVERFLOW_UID.read_text()))
    return frozenset(owners)


def _is_in_namespace() -> bool:
    """Return whether some users of the machine do not exist here."""
    try:
        return sum(int(mapping.split()[2]) for mapping in _UID_MAP.read_text().splitlines()) < 2**32 - 1
    except OSError:  # not Linux
        return False


def has_name() -> bool:
    """Return whether this user id has an account: with `docker run --user 12345` it may have none."""
    import pwd

    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return True


def lend_a_name() -> None:
    """Give the process a user name if it has none. Without one, libraries that call `getpass.getuser` fail.

    That function reads LOGNAME first: https://docs.python.org/3/library/getpass.html#getpass.getuser
    """
    named = any(os.environ.get(name) for name in ("LOGNAME", "USER", "LNAME", "USERNAME"))
    if not named and hasattr(os, "geteuid") and not has_name():
        os.environ["LOGNAME"] = f"uid-{os.geteuid()}"


def home_folder(kind: Literal["user_data_path", "user_cache_path"]) -> Path:
    """Return Beacon's folder in this user's home. Raises `EnvironmentFault` if the user has none."""
    import platformdirs

    try:
        folder: Path = getattr(platformdirs, kind)("beacon")
    except RuntimeError:  # raised if neither HOME nor the account has a home folder
        folder = Path()
    if not folder.is_absolute():
        raise EnvironmentFault(
            "there is no home folder to keep data in: HOME is not set, and this user has no account",
            hint="set BEACON_DATA_DIR and BEACON_CACHE_DIR to folders that you can write to",
        )
    return folder
