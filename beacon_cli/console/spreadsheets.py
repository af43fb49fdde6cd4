"""Cells of a CSV file that a spreadsheet can open without executing anything."""

from __future__ import annotations

import re

# Spreadsheets treat a cell that begins like this as a formula. Leading apostrophes count too: otherwise a text with its
# own apostrophe would look like one that was escaped. https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile("'*[=+\\-@\t\r＝＋－＠]")
_LONGEST_CELL = 32_767
"""Characters of a cell: https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3 ("Excel
specifications and limits")."""
_LINE_BREAK = re.compile("\r\n?")


def spreadsheet_safe(text: str) -> str:
    """Return a text that no spreadsheet treats as a formula, with an apostrophe in front if necessary."""
    return f"'{text}" if _FORMULA.match(text) else text


def excel_cell(text: str) -> str:
    """Return a text with line feeds as its only line breaks, cut at the longest cell of Excel, with `…` at its end."""
    lines = _LINE_BREAK.sub("\n", text)
    return lines if _excel_length(lines) <= _LONGEST_CELL else _first(lines, _LONGEST_CELL - 1) + "…"


def _excel_length(text: str) -> int:
    """Return the length in UTF-16 code units, as Excel counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _first(text: str, units: int) -> str:
    return text.encode("utf-16-le", "surrogatepass")[: 2 * units].decode("utf-16-le", "ignore")
