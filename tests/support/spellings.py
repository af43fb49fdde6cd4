"""The ways in which a server may write what it was sent, and a reader that knows them all: not the program's own."""

from __future__ import annotations

import base64
import html
import json
import re
import urllib.parse
from collections.abc import Callable

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "capitals": str.upper,
    "JSON escapes": lambda text: "".join(f"\\u{ord(character):04x}" for character in text),
    "some JSON escapes": lambda text: "".join(
        f"\\u{ord(character):04X}" if place % 3 else character for place, character in enumerate(text)
    ),
    "escapes in escapes": lambda text: json.dumps("".join(f"\\u{ord(character):04x}" for character in text)),
    "Python's escapes": lambda text: "".join(f"\\x{ord(character):02x}" for character in text),
    "percent": lambda text: "".join(f"%{ord(character):02X}" for character in text),
    "percent twice": lambda text: "".join(f"%25{ord(character):02x}" for character in text),
    "entities": lambda text: "".join(f"&#{ord(character)};" for character in text),
    "hexadecimal entities": lambda text: "".join(f"&#x{ord(character):X};" for character in text),
    "base64 of a pair": lambda text: base64.b64encode(f"user:{text}".encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(f"{text}:x?>".encode()).decode(),
    "UTF-16 read as ASCII": lambda text: text.encode("utf-16-le").decode(),
}

_NUMBERS = (re.compile(r"\\+u\{?([0-9a-fA-F]{4})"), re.compile(r"\\+x([0-9a-fA-F]{2})"))


def spelled_in(text: str, secret: str) -> str | None:
    """Return where a text holds a secret, in whichever spelling; None where it does not."""
    for _ in range(5):
        for form in (text, text.replace("\0", "").replace("\\x00", "")):
            if (found := form.lower().find(secret.lower())) >= 0:
                return form[max(0, found - 80) : found + 80]
        words: set[str] = set(re.findall(r"[A-Za-z0-9+/_-]{12,}", text))
        for word in words:
            if _is_in_base64(word, secret):
                return word
        for pattern in _NUMBERS:
            text = pattern.sub(_character, text)
        text = str(html.unescape(urllib.parse.unquote(text)))
    return None


def _character(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))


def _is_in_base64(word: str, secret: str) -> bool:
    for start in range(4):
        part = word[start:].replace("-", "+").replace("_", "/")
        decoded = base64.b64decode(part[: len(part) // 4 * 4])
        if secret.encode().lower() in decoded.lower():
            return True
    return False
