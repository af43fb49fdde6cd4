"""Signatures of SSH keys, made and checked by `ssh-keygen -Y`, which also checks them without Beacon.

The format: https://cvsweb.openbsd.org/src/usr.bin/ssh/PROTOCOL.sshsig
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from beacon_cli.console.printable import excerpt
from beacon_cli.errors import EnvironmentFault, UsageError
from beacon_cli.python_child import without_secrets

NAMESPACE = "beacon-bundle"
"""What the signature is for: one made for something else is not accepted."""
AUTHOR = "author"
"""The name of the signer in the `allowed_signers` of a bundle."""
LARGEST = 65_536
"""The largest signature that is read, in bytes."""

_PROGRAM = "ssh-keygen"
_SECONDS = 60
_MAGIC = b"SSHSIG"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_COLUMNS = 70
_KEY = re.compile(r"(?:ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/=]+(?: .*)?")
_KEY_TYPE = re.compile(rb"[a-z0-9@.-]{1,64}")


class NotASignature(ValueError):
    """What should be a signature is none."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key: its type, and its bytes in base64, as in a `.pub` file."""

    kind: str
    encoded: str

    def __str__(self) -> str:
        digest = hashlib.sha256(base64.b64decode(self.encoded)).digest()
        return f"{self.kind} SHA256:{base64.b64encode(digest).decode().rstrip('=')}"

    @property
    def allowed_signers(self) -> bytes:
        """The file that lets `ssh-keygen -Y verify` accept this key for bundles, and for nothing else."""
        return f'{AUTHOR} namespaces="{NAMESPACE}" {self.kind} {self.encoded}\n'.encode()


def require_program() -> None:
    """Raise `EnvironmentFault` if `ssh-keygen` is not there."""
    if shutil.which(_PROGRAM) is None:
        raise EnvironmentFault(
            f"{_PROGRAM} is not installed, and signatures are made and checked by it",
            hint="install OpenSSH 8.2 or later (Debian and Ubuntu: openssh-client)",
        )


def require_key(key: Path) -> None:
    """Raise `UsageError` if there is no such key, and `EnvironmentFault` without `ssh-keygen`."""
    require_program()
    if not key.is_file():
        raise UsageError(
            f"--sign: there is no file {excerpt(str(key), 200)}",
            hint="name a private key of SSH, or the .pub file of a key that the agent holds",
        )


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
    if done.returncode != 0 or not done.stdout:
        raise EnvironmentFault(
            f"{_PROGRAM} did not sign with {excerpt(str(key), 200)}: {_said(done)}",
            hint=f"try it alone: {_PROGRAM} -Y sign -f KEY -n {NAMESPACE} FILE",
        )
    return done.stdout


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


def refusal_of(content: bytes, signature: bytes, signer: Path) -> tuple[str | None, str]:
    """Return who signed, None if `signer` knows the key under no name, and why the signature is refused, if it is.

    `signer` is a public key, or a file of allowed signers with their names. Raises `UsageError` if it cannot be read.
    """
    with _file(_allowed(signer)) as allowed, _file(signature) as file:
        found = _run(["find-principals", "-s", file, "-f", allowed], content)
        name = found.stdout.decode("utf-8", "replace").partition("\n")[0].partition(",")[0]
        if found.returncode != 0 or not name:
            return None, ""
        done = _run(["verify", "-f", allowed, "-I", name, "-n", NAMESPACE, "-s", file], content)
    return name, "" if done.returncode == 0 else _said(done)


def _allowed(signer: Path) -> bytes:
    """Return the allowed signers of a file; a public key becomes the one that is allowed."""
    try:
        text = signer.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(
            f"--signer: cannot read {excerpt(str(signer), 200)}: {reason}",
            hint="name a public key (id_ed25519.pub), or a file of allowed signers (man ssh-keygen)",
        ) from error
    if _KEY.fullmatch(text.strip()):
        kind, encoded = text.split()[:2]
        return Key(kind, encoded).allowed_signers
    return text.encode()


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
