"""Signatures of SSH keys, made and checked by `ssh-keygen -Y`, which also checks them without Beacon.

The format: https://cvsweb.openbsd.org/src/usr.bin/ssh/PROTOCOL.sshsig
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from beacon_cli.bundle.keys import NAMESPACE, Key, require_signing_key
from beacon_cli.console.printable import excerpt
from beacon_cli.errors import EnvironmentFault
from beacon_cli.python_child import without_secrets

LARGEST = 65_536
"""The largest signature that is read, in bytes."""

_PROGRAM = "ssh-keygen"
_SECONDS = 60
_TERMINAL = "/dev/tty"  # where it asks for a passphrase
_WRONG_PASSPHRASE = "incorrect passphrase"  # what it says, too, if it could not ask
_MAGIC = b"SSHSIG"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_COLUMNS = 70
_KEY_TYPE = re.compile(rb"[a-z0-9@.-]{1,64}")


class NotASignature(ValueError):
    """What should be a signature is none."""


def require_program() -> None:
    """Raise `EnvironmentFault` if `ssh-keygen` is not there."""
    if shutil.which(_PROGRAM) is None:
        raise EnvironmentFault(
            f"{_PROGRAM} is not installed, and signatures are made and checked by it",
            hint="install OpenSSH 8.2 or later (Debian and Ubuntu: openssh-client)",
        )


def require_key(key: Path) -> None:
    """Raise `UsageError` for what is no key to sign with, and `EnvironmentFault` without `ssh-keygen`."""
    require_program()
    require_signing_key(key)


def signature_of(content: bytes, key: Path) -> bytes:
    """Return the signature of `content`. `ssh-keygen` itself asks for a passphrase, on the terminal.

    Raises `EnvironmentFault` with its reason if it does not sign.
    """
    command = [_PROGRAM, "-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE]
    # On a terminal it may say there that a security key has to be touched.
    stderr = None if sys.stderr.isatty() else subprocess.PIPE
    done = subprocess.run(
        command, input=content, stdout=subprocess.PIPE, stderr=stderr, check=False, env=without_secrets()
    )
    if done.returncode == 0 and done.stdout:
        return done.stdout
    said, name = _said(done), excerpt(str(key), 200)
    if _WRONG_PASSPHRASE in said and not _can_ask():
        raise EnvironmentFault(
            f"{name} needs a passphrase, and without a terminal nobody can be asked for it",
            hint=f"sign on a terminal, or give the key to the agent before: ssh-add {shlex.quote(str(key))}",
        )
    raise EnvironmentFault(
        f"{_PROGRAM} did not sign with {name}: {said}",
        hint=f"try it alone: echo | {_PROGRAM} -Y sign -f {shlex.quote(str(key))} -n {NAMESPACE}",
    )


def key_of(signature: bytes) -> Key:
    """Return the key that a signature names. Raises `NotASignature` for anything that `ssh-keygen` would not write."""
    try:
        lines = signature.decode("ascii").split("\n")
        blob = base64.b64decode("".join(lines[1:-2]), validate=True)
        if signature != _armoured(blob) or not blob.startswith(_MAGIC):
            raise NotASignature
        public = _field(blob, at=len(_MAGIC) + 4)
        kind = _field(public, at=0)
    except (ValueError, struct.error):
        raise NotASignature from None
    if not _KEY_TYPE.fullmatch(kind):
        raise NotASignature
    return Key(kind.decode(), base64.b64encode(public).decode())


def is_valid(content: bytes, signature: bytes) -> bool:
    """Return whether the key that a signature names made it for this content. Raises `EnvironmentFault`."""
    require_program()
    with _file(signature) as file:
        return _run(["check-novalidate", "-n", NAMESPACE, "-s", file], content).returncode == 0


def refusal_of(content: bytes, signature: bytes, signers: bytes, file_name: str) -> tuple[str | None, str]:
    """Return who signed, None if `signers` accepts the key under no name, and why the signature is refused, if it is.

    `signers` are allowed signers; reasons name their lines in the file of that name. Raises `EnvironmentFault`.
    """
    with _file(signers) as allowed, _file(signature) as file:
        done = _run(["find-principals", "-s", file, "-f", allowed], content)
        name = done.stdout.decode("utf-8", "replace").partition("\n")[0].partition(",")[0] or None
        if done.returncode == 0 and name:
            done = _run(["verify", "-f", allowed, "-I", name, "-n", NAMESPACE, "-s", file], content)
            if done.returncode == 0:
                return name, ""
    # What it says of other keys' lines does not begin with "key".
    said = done.stderr.decode("utf-8", "replace")
    reason = re.search(rf"^{re.escape(allowed)}:(\d+): (key [^\r\n]+)", said, re.MULTILINE)
    if reason:
        return name, f"{file_name}, line {reason[1]}: {excerpt(reason[2], 200)}"
    return name, f"{_PROGRAM} does not say why" if name else ""


@contextlib.contextmanager
def _file(content: bytes) -> Iterator[str]:
    """Yield the path of a file that holds `content` while the block lasts."""
    with tempfile.NamedTemporaryFile(prefix="beacon-") as file:
        file.write(content)
        file.flush()
        yield file.name


def _run(arguments: Sequence[str], content: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            [_PROGRAM, "-Y", *arguments],
            input=content,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            env=without_secrets(),
        )
    except subprocess.TimeoutExpired as error:
        raise EnvironmentFault(f"{_PROGRAM} did not check the signature within {_SECONDS} s") from error


def _can_ask() -> bool:
    """Return whether there is a terminal to ask on."""
    try:
        os.close(os.open(_TERMINAL, os.O_RDWR))
    except OSError:
        return False
    return True


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = (done.stderr or b"").decode("utf-8", "replace").strip().splitlines()
    return excerpt(lines[0], 200) if lines else f"exit code {done.returncode}"


def _armoured(blob: bytes) -> bytes:
    encoded = base64.b64encode(blob).decode()
    lines = (encoded[start : start + _COLUMNS] for start in range(0, len(encoded), _COLUMNS))
    return "\n".join([_BEGIN, *lines, _END, ""]).encode()


def _field(data: bytes, at: int) -> bytes:
    """Return the string at a place: its length in four bytes, then its bytes. Raises `NotASignature`."""
    (length,) = struct.unpack_from(">I", data, at)
    field = data[at + 4 : at + 4 + length]
    if len(field) != length:
        raise NotASignature
    return field
