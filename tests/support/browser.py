"""Pages in a real browser: what it asks for, what it complains of, and what acted in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run", "--disable-quic"),
)
# What the page could do wrong is noted before its first byte is read.
WATCH = """
window.acted = [];
window.pwned = (number) => window.acted.push(number);
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""
CONTRASTS = """
() => {
  const numbers = (colour) => {
    const found = colour.match(/[\\d.]+/g).map(Number);
    return colour.startsWith("color(") ? found.slice(0, 3).map((part) => part * 255).concat(found[3] ?? 1)
                                       : found.slice(0, 3).concat(found[3] ?? 1);
  };
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((part) => part / 255)
      .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (numbers(colour)[3] > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const poor = new Set();
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !node.getClientRects().length || node.closest("script, style")) continue;
    const style = getComputedStyle(node);
    const [one, other] = [light(node.closest("svg") ? style.fill : style.color), light(behind(node))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) poor.add(`${node.tagName}.${node.className.baseVal ?? node.className}: ${contrast.toFixed(2)}`);
  }
  return [...poor];
}
"""


@dataclass
class Reader:
    """Opens pages below an address as somebody would, and notes what the browser asks for and complains of.

    A tab is used again: opening one takes more than half of a test's CPU time. Each reading finds it empty, without
    cookies, and set as asked.
    """

    browser: Any
    base: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _tabs: dict[bool, Any] = field(default_factory=dict)  # with scripts, and without

    def address(self, name: str) -> str:
        return f"{self.base}/{name}"

    @contextmanager
    def reading(
        self, name: str, *, width: int = 1280, color_scheme: str = "light", java_script_enabled: bool = True
    ) -> Iterator[Any]:
        if java_script_enabled not in self._tabs:
            self._tabs[java_script_enabled] = self._new_tab(java_script_enabled=java_script_enabled)
        page = self._tabs[java_script_enabled]
        page.set_default_timeout(300_000)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(media="null", color_scheme=color_scheme)
        self.requests.clear()
        self.complaints.clear()
        try:
            page.goto(self.address(name))
            yield page
        finally:
            page.goto("about:blank")  # ends what the page still does
            page.context.clear_cookies()

    def _new_tab(self, **options: Any) -> Any:
        page = self.browser.new_context(**options).new_page()
        page.add_init_script(WATCH)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._dismiss)
        return page

    def _dismiss(self, dialog: Any) -> None:
        self.complaints.append(dialog.message)
        dialog.dismiss()


@contextmanager
def reading(base: str) -> Iterator[Reader]:
    """Yield a browser for the pages below an address; without one, the test is skipped."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install '.[dev]'")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed: no browser to open the page with")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield Reader(browser, base)
        finally:
            browser.close()
