"""`beacon serve` for other terminals."""

from __future__ import annotations

import signal

from tests.acceptance.conftest import ROOT, Beacon


def test_what_serve_prints_is_all_that_another_terminal_needs(scripted: Beacon) -> None:
    serving = scripted.begin("serve", "--port", "8791")
    assert serving.stdout is not None
    snippet = ""
    for line in serving.stdout:
        if line.startswith(("  [regions", "  base_url")):
            snippet += line.strip() + "\n"
        if "8793" in line and "base_url" in line:
            break
    try:
        settings = (scripted.folder / "beacon.toml").read_text()
        scripted.write("beacon.toml", settings + snippet)
        part = ("--model", "smollm2-135m", "--question", "capital")
        code, document = scripted.json("run", str(ROOT / "examples" / "quickstart.yaml"), *part)
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.communicate()
    assert (code, document["data"]["counts"]["completed"]) == (0, 9)
    assert serving.returncode == 143
