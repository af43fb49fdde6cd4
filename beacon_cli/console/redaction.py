"""Keeps secrets out of everything that is printed, stored or written, however a server spells them."""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import tomllib
import traceback
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

_NAMES = (
    *("BEACON_PROXY_KEY", "BEACON_PROXY_SECRET", "BEACON_PROXY_KEY_OLD", "BEACON_PROXY_SECRET_OLD"),
    *("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET", "HF_TOKEN", "PGPASSWORD"),
)
_PROXY_NAMES = tuple(name for key in ("HTTP", "HTTPS", "ALL") for name in (f"{key}_PROXY", f"{key}_PROXY".lower()))
_INDEX_NAMES = (
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"),
    *("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"),
)
_COLLECTOR_NAMES = tuple(f"OTEL_EXPORTER_OTLP_{signal}ENDPOINT" for signal in ("", "TRACES_", "METRICS_"))
_URL_NAMES = ("BEACON_DATABASE_URL", "DATABASE_URL", *_PROXY_NAMES, *_INDEX_NAMES, *_COLLECTOR_NAMES)
_HEADER_NAMES = tuple(f"OTEL_EXPORTER_OTLP_{signal}HEADERS" for signal in ("", "TRACES_", "METRICS_"))
_MODAL_KEYS = ("token_id", "token_secret")
# Variables that `beacon.toml` names for the secrets of one's own endpoints; `protect` adds them.
_own_names: set[str] = set()
_own_url_names: set[str] = set()
# Up to the last @ of a word: a password may contain one that is not percent-encoded.
_URL_PASSWORD = re.compile(r"(://[^\s:/@]*:)(\S+)(?=@)")
_KEYWORD_PASSWORD = re.compile(r"(password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]+)")
# Keys of the old system's documents, in any spelling.
_CREDENTIALS = frozenset(
    {
        *("walletauth", "signature", "signatures", "authsignature", "publickey", "nonce"),
        *("privatekey", "secretkey", "apikey", "apitoken", "accesstoken", "authtoken", "authorization", "token"),
        *("password", "secret"),
    }
)
_MAY_NAME_CREDENTIALS = re.compile("wallet|signature|key|nonce|token|authorization|password|secret", re.IGNORECASE)
SHORTEST = 6
"""The fewest characters of a value that is removed: a shorter one is part of too many harmless words."""
_SHORTEST_IN_BASE64 = 8

# What may break up a secret: white space, hyphens, and characters that are not seen. Python calls most of these not
# printable, which is found fast; it does not say so of `_PRINTABLE_BREAKS`.
_BREAKS = b" \t\n\r\v\f-"
_PRINTABLE_BREAKS = "\u034f\u115f\u1160\u2010\u2011\u3164\ufe00\ufe01\ufe0e\ufe0f"
_UNSEEN = (
    "\x85\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u2066-\u2069\u3000\ufeff" + _PRINTABLE_BREAKS
)
_UNSEEN_CHARACTERS = re.compile(f"[{_UNSEEN}]+")
_LINE_ENDS = (b"\\n", b"\\r", b"\\t")  # as JSON writes them
_SPELLED_HIDDEN = r"\\u(?:11[56]|17b|180|20(?:0[b-f]|1[01]|2[a-e]|6)|3164|fe0|feff)|%(?:0[9ad]|c2%ad|e2%8[01]|ef%b)"

# How a server may spell a character: JSON's and Python's escapes, percent-encoding, HTML's entities, the zero bytes of
# UTF-16 and UTF-32 read as something else.
_SPELLED = r"\\[ux0-7/]|%[0-9a-f]{2}|&[#a-z]|\0"
_SPELLED_ASCII = r"\\(?:u(?:0|\{)|[x0-7/])|%(?:00|[2-7][0-9a-f])|&[#a-z]|\0"
_BACKSLASHES = re.compile(r"\\{2,}")
_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|u\{0*([0-9a-f]{1,6})\}|U([0-9a-f]{8})|x([0-9a-f]{2})|([0-7]{3}))", re.I)
_ZEROS = r"(?:\0|%00|\\{1,8}(?:u0000|x00)){0,3}"
_BETWEEN = rf"(?:[\s{_UNSEEN}\-]|\\[nrt]){{0,8}}"
_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_MOST_LAYERS = 4  # one spelling inside another: a percent-encoded URL in a JSON text in an HTML page


class Redactor:
    """Removes secrets from texts, in any spelling and case.

    `secrets` maps each secret to its replacement. A text with a secret in a spelling that cannot be cut out alone is
    replaced as a whole.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        known = {value.lower(): shown for value, shown in secrets.items() if len(value) >= SHORTEST}
        other = {form.lower(): "***" for value in secrets for form in _in_base64(value)}
        other |= {_BACKSLASHES.sub(r"\\", value): shown for value, shown in known.items()}
        other |= {value.encode("utf-8", "replace").hex(): "***" for value in secrets if len(value) >= SHORTEST}
        self._shown = {**other, **known}
        self._values = tuple(sorted(self._shown, key=len, reverse=True))  # one may begin with another
        self._finder = _Finder(self._values)
        plain = "".join(self._values)
        quotes = "".join(mark for mark in ('"', "'") if mark in plain)
        spelled = (
            (_SPELLED_ASCII if plain.isascii() else _SPELLED)
            + rf"|{_SPELLED_HIDDEN}"
            + (rf"|\\[{quotes}]" if quotes else "")
        )
        self._may_be_spelled = re.compile(spelled + (r"|\\\\" if "\\" in plain else ""))

    def finds_in(self, text: str) -> bool:
        """Return whether a text contains a secret in any spelling."""
        if not self._values:
            return False
        for _ in range(_MOST_LAYERS):
            lowered = text.lower()
            if self._finder.finds_in(lowered):
                return True
            if self._may_be_spelled.search(lowered) is None:
                return False
            text = _spelled_out(text)
        return False

    def clean(self, text: str) -> str:
        """Return a text without the secrets."""
        if not self._values or not self.finds_in(text):
            return text
        text = self._plain.sub(lambda match: self._shown.get(match[0].lower(), "***"), text)
        for pattern in (self._any_spelling, self._broken_up):
            if not self.finds_in(text):
                return text
            text = pattern.sub("***", text)
        return "***" if self.finds_in(text) else text

    def clean_value(self, value: Any) -> Any:
        """Return a JSON value without the secrets in its texts, keys and numbers. It must not be nested too deep."""
        if isinstance(value, str):
            return self.clean(value)
        if isinstance(value, dict):
            return {self.clean(key): self.clean_value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.clean_value(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool) and self.finds_in(str(value)):
            return "***"
        return value

    @cached_property
    def _plain(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, self._values)), re.IGNORECASE)

    @cached_property
    def _any_spelling(self) -> re.Pattern[str]:
        return re.compile("|".join(_ZEROS.join(map(_spellings, value)) for value in self._values), re.IGNORECASE)

    @cached_property
    def _broken_up(self) -> re.Pattern[str]:
        return re.compile(
            "|".join(_BETWEEN.join(map(re.escape, value)) for value in self._finder.joined), re.IGNORECASE
        )


def protect(names: Iterable[str], urls: Iterable[str]) -> None:
    """Treat what these variables hold as secrets from now on: values, and URLs that may contain a password."""
    _own_names.update(names)
    _own_url_names.update(urls)


def own_secret_names() -> frozenset[str]:
    """Return the variables that `protect` was told."""
    return frozenset(_own_names | _own_url_names)


def redacted(text: str) -> str:
    """Return `text` without the values of known secrets, and without passwords in database URLs."""
    text = known_secrets().clean(text)
    return _KEYWORD_PASSWORD.sub(r"\1***", _URL_PASSWORD.sub(r"\1***", text))


def is_credential(key: str) -> bool:
    """Return whether such a key of the old system's documents holds a signature, or how a wallet signed in."""
    return key.lower().replace("_", "").replace("-", "") in _CREDENTIALS


def without_credentials(value: Any) -> Any:
    """Return a JSON value with `***` in place of whatever stands under such a key. It must not be nested too deep."""
    if isinstance(value, dict):
        return {key: "***" if is_credential(key) else without_credentials(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_credentials(item) for item in value]
    return value


def document_without_credentials(text: str | None) -> str | None:
    """Return a JSON text the same way; as it is if it cannot hold such a key, and `"***"` if it is nested too deep."""
    if text is None or _MAY_NAME_CREDENTIALS.search(text) is None:
        return text
    try:
        return json.dumps(without_credentials(json.loads(text)), ensure_ascii=False)
    except RecursionError:
        return '"***"'


def redacted_traceback() -> str:
    """Return the traceback of the error being handled, redacted; never the values of variables."""
    return redacted(traceback.format_exc())


def known_secrets() -> Redactor:
    """Return the redactor for the secrets in the environment and in Modal's own file."""
    return _redactor(tuple(_secrets().items()))


@lru_cache(maxsize=4)
def _redactor(secrets: tuple[tuple[str, str], ...]) -> Redactor:
    return Redactor(dict(secrets))


class _Finder:
    """Finds values in texts in lower case, also where something breaks them up.

    A text is first compared by numbers: 8 bytes of it at every 16th (or 8th) place, or 4 at every 4th. A value of at
    least 23 (15, 7) bytes is in it only if one of them is also in the value, at any place; and that takes as long for
    many values as for one.
    """

    def __init__(self, values: Iterable[str]) -> None:
        joined = {value: _without_breaks(value) for value in values}
        needles = tuple(dict.fromkeys(short for short in joined.values() if len(short) >= SHORTEST))
        self.joined = tuple(needle.decode("utf-8", "surrogatepass") for needle in needles)
        self._needles = needles
        # A line end that JSON wrote is removed; what stands after a backslash of another meaning is looked for, too.
        self._exact = tuple(value for value, short in joined.items() if len(short) < SHORTEST)
        self._exact += tuple(f"\\{value}" for value in joined if value[0] in "nrt")
        long = [needle for needle in needles if len(needle) >= 15]
        self._long = _numbers(long, 8)
        self._step = 2 if all(len(needle) >= 23 for needle in long) else 1
        self._short = _numbers((needle for needle in needles if 7 <= len(needle) < 15), 4)
        self._shortest = tuple(needle for needle in needles if len(needle) < 7)

    def finds_in(self, text: str) -> bool:
        """Return whether one of the values is in a text."""
        data = _without_breaks(text)
        if b"\\" in data:
            for written in _LINE_ENDS:
                data = data.replace(written, b"")
        if self._may_be_in(data) and any(needle in data for needle in self._needles):
            return True
        return bool(self._exact) and any(value in text for value in self._exact)

    def _may_be_in(self, data: bytes) -> bool:
        view = memoryview(data)
        return (
            not self._long.isdisjoint(view[: len(data) & ~7].cast("Q")[:: self._step])
            or (bool(self._short) and not self._short.isdisjoint(view[: len(data) & ~3].cast("I")))
            or any(needle in data for needle in self._shortest)
        )


def _numbers(needles: Iterable[bytes], size: int) -> frozenset[int]:
    return frozenset(
        int.from_bytes(needle[place : place + size], sys.byteorder)
        for needle in needles
        for place in range(len(needle) - size + 1)
    )


def _without_breaks(text: str) -> bytes:
    """Return a text in UTF-8, without what may break up a secret."""
    if not text.isascii() and (not text.isprintable() or any(each in text for each in _PRINTABLE_BREAKS)):
        text = _UNSEEN_CHARACTERS.sub("", text)
    return text.encode("utf-8", "surrogatepass").translate(None, _BREAKS)


def _spelled_out(text: str) -> str:
    """Return a text with one layer of escapes resolved."""
    if "\\" in text:
        text = _ESCAPE.sub(_unescaped, _BACKSLASHES.sub(r"\\", text))
        for escaped, itself in ((r"\/", "/"), (r"\"", '"'), (r"\'", "'")):
            text = text.replace(escaped, itself)
    text = _PERCENT.sub(lambda run: bytes.fromhex(run[0].replace("%", "")).decode("utf-8", "replace"), text)
    if "&" in text:
        import html  # its table of entities takes a megabyte

        text = html.unescape(text)
    return text.replace("\0", "")


def _unescaped(match: re.Match[str]) -> str:
    *hexadecimal, octal = match.groups()
    number = int(octal, 8) if octal else int(next(filter(None, hexadecimal)), 16)
    return chr(number) if number < 0x110000 else ""


def _spellings(character: str) -> str:
    """Return a pattern of the ways to write one character; compared regardless of case."""
    forms = [rf"\\{{0,8}}{re.escape(character)}"]
    for code in sorted({ord(each) for each in (character, *character.upper()[:1])}):
        forms.append(rf"\\{{1,8}}(?:u\{{?|x|U)0{{0,6}}{code:x}\}}?|\\{{1,8}}{code:03o}")
        forms.append(rf"&(?:amp;)?#(?:0{{0,8}}{code}|x0{{0,8}}{code:x});?")
        forms.append("".join(f"%(?:25)?{byte:02x}" for byte in chr(code).encode("utf-8", "replace")))
    return f"(?:{'|'.join(forms)})"


def _in_base64(value: str) -> Iterator[str]:
    """Yield the base64 forms of a value at any position in a longer text: `user:password`, a whole header."""
    data = value.encode("utf-8", "replace")
    if len(data) < _SHORTEST_IN_BASE64:
        return
    for before in range(3):
        whole = base64.b64encode(bytes(before) + data)
        # The first and the last characters depend on the text around the value.
        inner = whole[(0, 2, 3)[before] : (len(data) + before) * 8 // 6].decode()
        yield inner
        if not inner.isalnum():
            yield inner.replace("+", "-").replace("/", "_")


def _secrets() -> dict[str, str]:
    """Return each secret with its replacement."""
    secrets = {os.environ.get(name, "").strip(): "***" for name in (*_NAMES, *_own_names)}
    secrets |= {value: "***" for name in _HEADER_NAMES for value in _header_values(os.environ.get(name, ""))}
    config = os.environ.get("MODAL_CONFIG_PATH") or "~/.modal.toml"
    secrets |= dict.fromkeys(_modal_tokens(config, os.environ.get("HOME", "")), "***")
    for name in (*_URL_NAMES, *_own_url_names):
        url = os.environ.get(name, "").strip()
        for pattern in (_URL_PASSWORD, _KEYWORD_PASSWORD):
            for match in pattern.finditer(url):
                password = match[2].strip("'")
                secrets |= {password: "***", unquote(password): "***"}
        if name in (*_PROXY_NAMES, *_own_url_names):
            secrets |= dict.fromkeys(_login(url), "***")
        if "@" in url or "password" in url:  # else it contains nothing to hide
            secrets[url] = f"${name}"
    return secrets


def _header_values(headers: str) -> Iterator[str]:
    """Yield the values in `name=value,name=value`, and behind a scheme such as `Bearer` the key alone."""
    for pair in headers.split(",") if headers else ():
        value = (pair.partition("=")[2] or pair).strip()
        yield from (value, unquote(value), unquote(value).rpartition(" ")[2])


def _login(url: str) -> Iterator[str]:
    """Yield what is secret in the URL of a proxy, which may lack its scheme: a user alone is its key."""
    login, at, _ = url.rpartition("://")[2].rpartition("@")
    user, _, password = login.partition(":")
    if at:
        yield from (password or user, unquote(password or user), login, unquote(login))


@lru_cache(maxsize=4)
def _modal_tokens(path: str, _home: str) -> tuple[str, ...]:
    """Return the tokens of every profile in Modal's own file; none if the file is missing or broken."""
    try:
        profiles = tomllib.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):  # RuntimeError: no home folder, or too deep
        return ()
    return tuple(_tokens(profiles))


def _tokens(profiles: Mapping[str, Any]) -> Iterator[str]:
    for profile in profiles.values():
        if isinstance(profile, dict):
            yield from (value for key in _MODAL_KEYS if isinstance(value := profile.get(key), str))
