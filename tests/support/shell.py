"""A real shell in a terminal: typed into, and read back from the screen that it draws."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pexpect
import pyte

WAIT = 300.0
PROMPT = "ready> "
# Without the user's own start-up files, unless a test is about those.
_BARE = {
    "bash": ["--noprofile", "--norc", "-i"],
    "zsh": ["-f", "-i"],
    "fish": ["--no-config", "-i"],
}
_PROMPTS = {
    "bash": f"PS1='{PROMPT}'; bind 'set enable-bracketed-paste off'; bind 'set bell-style none'",
    "zsh": f"PROMPT='{PROMPT}'; bindkey -e; unsetopt beep prompt_sp",
    "fish": f"function fish_prompt; printf '{PROMPT}'; end; set fish_greeting",
}


class Shell:
    """An interactive shell, by name, in a folder and an environment. Close it after use."""

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str], *, bare: bool = True) -> None:
        self.screen = pyte.Screen(120, 40)
        self._stream = pyte.ByteStream(self.screen)
        self._process = pexpect.spawn(
            str(shutil.which(name)),
            _BARE[name] if bare else ["-i"],
            dimensions=(40, 120),
            cwd=str(folder),
            env={**environment, "TERM": "xterm", "HISTFILE": ""},
            timeout=WAIT,
        )
        self._process.delaybeforesend = None
        self._runs = 0
        self.run(_PROMPTS[name])

    def run(self, line: str) -> str:
        """Run a command line and return the screen once it is over."""
        self._runs += 1
        self.type(f"{line}; printf 'end of %s\\n' {self._runs}\r")
        self.until(lambda: f"\nend of {self._runs}\n{PROMPT.strip()}" in f"\n{self.text()}")
        return self.text()

    def type(self, keys: str) -> None:
        """Press keys."""
        self._process.send(keys)

    def completes(self, line: str, to: str) -> None:
        """Assert that TAB after the beginning of a line makes it another."""
        self.type(line)
        self.until(lambda: self._line() == line.rstrip())
        self.type("\t")
        self.until(lambda: self._line() == to.rstrip())
        self.type("\x15")  # throws the line away
        self.until(lambda: self._line() == "")

    def offers(self, line: str, *words: str) -> None:
        """Assert that TAB, pressed twice, lists these words below the line, in this order."""
        self.type(line)
        self.until(lambda: self._line() == line.rstrip())
        self.type("\t")
        self._read(1.0)
        self.type("\t")
        self.until(lambda: re.search(r"\n(.*\n)*.*" + r"\b(.|\n)*\b".join(words), self.text()) is not None)
        self.type("\x03")

    def until(self, seen: Callable[[], bool]) -> None:
        """Return as soon as the screen is as it is waited for."""
        deadline = time.monotonic() + WAIT
        while not seen():
            assert time.monotonic() < deadline, f"not seen:\n{self.text()}"
            self._read(0.05)

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def close(self) -> None:
        self._process.close(force=True)

    def _line(self) -> str:
        """Return what stands behind the last prompt."""
        lines = [line for line in self.text().splitlines() if line.startswith(PROMPT.strip())]
        return lines[-1].removeprefix(PROMPT.strip()).strip() if lines else ""

    def _read(self, seconds: float) -> None:
        with contextlib.suppress(pexpect.TIMEOUT):
            self._stream.feed(self._process.read_nonblocking(65536, timeout=seconds))
