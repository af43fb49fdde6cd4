"""Run the quickstart and draw the README's pictures of it: the terminal and the report, in docs/images.

Needs the extra `dev` and a Chromium of the system.
"""

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pexpect
from PIL import Image
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.text import Text

COLUMNS = 100
JOB_ID = "quickstart"
# Rich's own frame names a font on a host of somebody's; the reader's own monospace font will do.
FONT_FACES = re.compile(r"@font-face \{.*?\}", re.DOTALL)
BEACON = Path(sys.executable).parent / "beacon"
# What the picture leaves out, so that verdicts and answers are seen at once.
HIDDEN = "#filter, #map, nav, .note, .reasons, #answers .group:nth-of-type(n+3) { display: none !important }"
WIDTH = 1120
CHROMIUM_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def draw_run(folder: Path) -> None:
    """Run the quickstart in a terminal, with its data in `folder`, and save what it printed."""
    os.environ |= {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "BEACON_DATA_DIR": str(folder)}
    command = "run examples/quickstart.yaml --local"
    shown = pexpect.run(
        f"sh -c '{BEACON} {command} --job-id {JOB_ID} 2>/dev/null'", timeout=300, dimensions=(60, COLUMNS)
    )
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.assemble(("$ ", "bold"), f"beacon {command} --job-id {JOB_ID}"))
    console.print(Text.from_ansi(shown.decode().replace("\r\n", "\n").rstrip() + "\n"))
    svg = re.sub(r"<!--.*?-->", "", FONT_FACES.sub("", console.export_svg(title="beacon")), flags=re.DOTALL)
    Path("docs/images/run.svg").write_text(svg.replace("Fira Code", "ui-monospace"), encoding="utf-8")


def draw_report(folder: Path) -> None:
    """Write the report of that run, and save a picture of its verdicts and of its first answers."""
    report = folder / "report.html"
    accepted = ["--accept", "system_prompt", "--accept", "cut_off"]
    subprocess.run([BEACON, "report", JOB_ID, *accepted, "--output", report], check=True, stdout=subprocess.DEVNULL)
    picture = Path("docs/images/report.png")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGUMENTS)
        page = browser.new_context(bypass_csp=True, viewport={"width": WIDTH, "height": 800}).new_page()
        page.goto(report.as_uri())
        page.add_style_tag(content=HIDDEN)
        bottom = page.evaluate("document.querySelector('#answers').getBoundingClientRect().bottom + 24")
        page.screenshot(path=picture, full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": bottom})
        browser.close()
    Image.open(picture).convert("RGB").quantize(64).save(picture, optimize=True)


with tempfile.TemporaryDirectory() as temporary:
    data = Path(temporary)
    data.chmod(0o755)  # as root the embedded server runs as another account
    draw_run(data)
    draw_report(data)
    subprocess.run([BEACON, "db", "stop"], check=False)
