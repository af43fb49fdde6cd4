"""Keys of SSH in files: one that signs, and those whose signatures are accepted."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from beacon_cli.console.input_file import STDIN, input_name, meant_file, opened_input, reason
from beacon_cli.console.printable import excerpt
from beacon_cli.errors import UsageError

NAMESPACE = "beacon-bundle"
"""What the signature is for: one made for something else is not accepted."""
AUTHOR = "author"
"""The name of the signer in the `allowed_signers` of a bundle."""
LARGEST_FILE = 1 << 20
"""The largest file of keys that is read, in bytes."""

_PRIVATE = re.compile(r"^-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----", re.MULTILINE)
_PUBLIC = re.compile(r"(?:^|\s)(?P<kind>(?:ssh|ecdsa|sk)-[a-z0-9@.-]{1,60}) (?P<encoded>[A-Za-z0-9+/]+=*)(?=\s|$)")
_HINT_SIGN = "name a private key of SSH, or the .pub file of a key that the agent holds"
_HINT_SIGNER = "name a public key (id_ed25519.pub), or a file of allowed signers (man ssh-keygen)"


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


def require_signing_key(key: Path) -> None:
    """Raise `UsageError` for what is no key to sign with."""
    if not key.is_file():
        raise UsageError(f"--sign: there is no file {excerpt(str(key), 200)}", hint=_HINT_SIGN)
    text = _read(key, "--sign", _HINT_SIGN)
    if not _PRIVATE.search(text) and not any(map(_public_key, text.splitlines())):
        raise UsageError(f"--sign: {excerpt(str(key), 200)} is no private key of SSH", hint=_HINT_SIGN)


def allowed_signers(signer: Path) -> bytes:
    """Return the allowed signers of a file or of stdin, by line; a public key without a name becomes the author's.

    Raises `UsageError` if the file cannot be read, or holds no public key.
    """
    text, name = _read(signer, "--signer", _HINT_SIGNER), excerpt(input_name(signer), 200)
    if _PRIVATE.search(text):
        if signer == STDIN:
            raise UsageError("--signer: this is a private key", hint=_HINT_SIGNER)
        public = f"{signer}.pub"
        make = f"ssh-keygen -y -f {shlex.quote(str(signer))} > {shlex.quote(public)}"
        hint = f"name {excerpt(public, 200)}" if Path(public).is_file() else f"make the public one: {make}"
        raise UsageError(f"--signer: {name} is a private key", hint=hint)
    lines = text.splitlines()
    if not any(map(_public_key, lines)):
        raise UsageError(f"--signer: {name} holds no public key", hint=_HINT_SIGNER)
    return b"".join(map(_allowed, lines))


def _read(file: Path, option: str, hint: str) -> str:
    name = excerpt(input_name(file), 200)
    try:
        with opened_input(file, "the keys") as stream:
            content = stream.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise UsageError(f"{option}: {name} is too large for a file of keys", hint=hint)
        return content.decode("utf-8")
    except OSError as error:
        raise UsageError(
            f"{option}: cannot read {name}: {reason(error)}", hint=meant_file(file, error) + hint
        ) from error
    except ValueError as error:
        raise UsageError(f"{option}: cannot read {name}: it is not text", hint=hint) from error


def _public_key(line: str) -> re.Match[str] | None:
    """Return where a line holds a public key: its bytes begin with the name of its type."""
    found = None if line.lstrip().startswith("#") else _PUBLIC.search(line)
    if found is None:
        return None
    kind = found["kind"].encode()
    begins = base64.b64encode(len(kind).to_bytes(4, "big") + kind).decode().rstrip("=")
    return found if found["encoded"].startswith(begins[: len(begins) // 4 * 4]) else None


def _allowed(line: str) -> bytes:
    key = _public_key(line.strip())
    if key is None or key.start() > 0:
        return f"{line}\n".encode()
    return Key(key["kind"], key["encoded"]).allowed_signers
