"""Run the quickstart in a terminal of 100 columns and save what it printed as docs/run.svg."""

import io
import os
import re
import sys
from pathlib import Path

import pexpect
from rich.console import Console
from rich.text import Text

COLUMNS = 100
# Rich's own frame names a font on a host of somebody's; the reader's own monospace font will do.
FONT_FACES = re.compile(r"@font-face \{.*?\}", re.DOTALL)

os.environ |= {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
beacon = Path(sys.executable).parent / "beacon"
command = "beacon run examples/quickstart.yaml --local"
shown = pexpect.run(
    f"sh -c '{beacon} run examples/quickstart.yaml --local 2>/dev/null'", timeout=300, dimensions=(50, COLUMNS)
)
console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
console.print(Text.assemble(("$ ", "bold"), command))
console.print(Text.from_ansi(shown.decode().replace("\r\n", "\n").rstrip()))
svg = re.sub(r"<!--.*?-->", "", FONT_FACES.sub("", console.export_svg(title="beacon")), flags=re.DOTALL)
Path("docs/run.svg").write_text(svg.replace("Fira Code", "ui-monospace"), encoding="utf-8")
