"""`beacon serve` for other terminals."""

from __future__ import annotations

import signal

from tests.acceptance.conftest import ROOT, Beacon


def test_what_serve_prints_is_all_that_another_terminal_needs(beacon: Beacon) -> None:
    scripted = '[local.models."qwen2.5-coder-0.5b"]\nscript = "answers.yaml"\n'  # the larger model, which is not asked
    beacon.write("answers.yaml", "default: none\n")
    beacon.write("beacon.toml", scripted)
    serving = beacon.begin("serve", "--port", "8791")
    assert serving.stdout is not None
    snippet = ""
    for line in serving.stdout:
        if line.startswith(("  [regions", "  base_url")):
            snippet += line.strip() + "\n"
        if "8793" in line and "base_url" in line:
            break
    try:
        beacon.write("beacon.toml", scripted + snippet)
        part = ("--model", "smollm2-135m", "--question", "capital")
        code, document = beacon.json("run", str(ROOT / "examples" / "quickstart.yaml"), *part)
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.communicate()
    assert (code, document["data"]["counts"]["completed"]) == (0, 9)
    assert serving.returncode == 143
