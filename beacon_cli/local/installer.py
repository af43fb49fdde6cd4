"""The program that fetches packages: the installer of Beacon knows the index, the proxy and the certificates.

docs/decisions/0012 explains why Beacon does not download itself.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from beacon_cli.console.redaction import own_secret_names

_SECRET_PREFIXES = ("BEACON_", "MODAL_", "HF_")
_SECRETS = frozenset({"DATABASE_URL", "PGPASSWORD"})
_UV_INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
_PIP_INDEXES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX")
_CERTIFICATES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True, slots=True)
class Installer:
    """A program that fetches wheels, and the arguments that start it."""

    name: Literal["pip", "uv"]
    command: tuple[str, ...]

    def arguments(self, requirements: Path, into: Path) -> list[str]:
        """Return the arguments to fetch the wheel of a requirements file `into` a folder; uv only unpacks it there."""
        common = ("--no-deps", "--only-binary", ":all:", "--requirement", str(requirements))
        if self.name == "pip":
            return [*self.command, "download", *_PIP_OPTIONS, *common, "--dest", str(into)]
        no_index = ("--no-index",) if _no_index(os.environ) else ()
        target = ("--python", sys.executable, "--target", str(into))
        return [*self.command, "pip", "install", "--no-cache", "--no-progress", *no_index, *common, *target]

    def environment(self, temporary: Path) -> dict[str, str]:
        """Return the program's environment: without our secrets, with the settings for the other program."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(_SECRET_PREFIXES) and name not in _SECRETS | own_secret_names()
        }
        translated = _for_uv(kept) if self.name == "uv" else _for_pip(kept)
        # PIP_REQUIRE_VIRTUALENV guards against installing, and nothing is installed.
        own = {"PIP_REQUIRE_VIRTUALENV": "0"} | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
        return kept | translated | own


# -vv: without it, pip does not report why it could not reach an index.
_PIP_OPTIONS = ("-vv", "--no-cache-dir", "--no-input", "--progress-bar", "off", "--disable-pip-version-check")


def find_installer() -> Installer | None:
    """Return the program that installed Beacon, else pip or uv, whichever is found; None without either."""
    installers = [_pip(), _uv()]
    if _installed_by() == "uv":
        installers.reverse()
    return next((installer for installer in (*installers, _pip_on_path()) if installer is not None), None)


def _installed_by() -> str:
    """Return the name of the installer in Beacon's metadata."""
    try:
        return (importlib.metadata.distribution("beacon-cli").read_text("INSTALLER") or "").strip()
    except importlib.metadata.PackageNotFoundError:
        return ""


def _pip() -> Installer | None:
    """Return this environment's pip, else the pip wheel that comes with this Python for new environments."""
    if importlib.util.find_spec("pip") is not None:
        return Installer("pip", (sys.executable, "-P", "-m", "pip"))
    wheels = sorted(wheel for folder in _folders_with_pip() for wheel in folder.glob("pip-*.whl"))
    return Installer("pip", (sys.executable, f"{wheels[-1]}/pip")) if wheels else None


def _folders_with_pip() -> Iterator[Path]:
    if (spec := importlib.util.find_spec("ensurepip")) is not None and spec.origin is not None:
        yield Path(spec.origin).parent / "_bundled"
    if folder := sysconfig.get_config_var("WHEEL_PKG_DIR"):  # Debian, Ubuntu and Fedora keep it there
        yield Path(folder)


def _pip_on_path() -> Installer | None:
    """Return the pip of another Python: the wheel is the same for all."""
    found = shutil.which("pip3") or shutil.which("pip")
    return Installer("pip", (found,)) if found else None


def _uv() -> Installer | None:
    """Return uv: the one that runs us, else the one in this environment, in PATH, or where its installers put it."""
    places = [sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)]
    with suppress(RuntimeError):  # no home folder
        places += [str(Path.home() / ".local" / "bin"), str(Path.home() / ".cargo" / "bin")]
    found = shutil.which(os.environ.get("UV") or "uv", path=os.pathsep.join(places))
    return Installer("uv", (found,)) if found else None


def _for_uv(env: Mapping[str, str]) -> dict[str, str]:
    """Return pip's variables as uv's; uv's own have priority."""
    given = {
        "SSL_CERT_FILE": next((env[name] for name in _CERTIFICATES if env.get(name)), ""),
        "SSL_CLIENT_CERT": env.get("PIP_CLIENT_CERT", ""),
        "UV_INSECURE_HOST": env.get("PIP_TRUSTED_HOST", ""),
    }
    if not _any_set(env, _UV_INDEXES):
        given |= {
            "UV_DEFAULT_INDEX": env.get("PIP_INDEX_URL", ""),
            "UV_INDEX": env.get("PIP_EXTRA_INDEX_URL", ""),
            # pip ignores a missing folder; uv does not.
            "UV_FIND_LINKS": ",".join(link for link in env.get("PIP_FIND_LINKS", "").split() if _may_exist(link)),
            # Of several indexes pip takes the best file; the hash makes that safe.
            "UV_INDEX_STRATEGY": "unsafe-best-match" if env.get("PIP_EXTRA_INDEX_URL") else "",
        }
    return _missing(given, env)


def _for_pip(env: Mapping[str, str]) -> dict[str, str]:
    """Return uv's variables as pip's if uv installed Beacon and is gone; else pip's own files may have more."""
    if _installed_by() != "uv" or _any_set(env, _PIP_INDEXES):
        return {}
    more = f"{env.get('UV_INDEX', '')} {env.get('UV_EXTRA_INDEX_URL', '')}".split()
    given = {
        "PIP_INDEX_URL": _unnamed(env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL", "")),
        "PIP_EXTRA_INDEX_URL": " ".join(map(_unnamed, more)),
        "PIP_FIND_LINKS": env.get("UV_FIND_LINKS", "").replace(",", " "),
        "PIP_TRUSTED_HOST": env.get("UV_INSECURE_HOST", ""),
        "PIP_CERT": env.get("SSL_CERT_FILE", ""),
        "PIP_CLIENT_CERT": env.get("SSL_CLIENT_CERT", ""),
    }
    return _missing(given, env)


def _missing(given: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if value and not env.get(name)}


def _unnamed(index: str) -> str:
    """Return the URL in uv's `name=URL`."""
    return re.sub(r"^[\w.-]+=", "", index)


def _may_exist(link: str) -> bool:
    return "://" in link or Path(link).exists()


def _any_set(env: Mapping[str, str], names: Iterable[str]) -> bool:
    return any(env.get(name) for name in names)


def _no_index(env: Mapping[str, str]) -> bool:
    """Return whether pip must not use an index; uv has no variable for that, and its other variables have priority."""
    forbidden = env.get("PIP_NO_INDEX", "").lower() not in ("", "0", "false", "no", "off")
    return forbidden and not _any_set(env, _UV_INDEXES)
