"""What is redacted, wherever the secret is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon_cli.output.secrets import redacted

PROFILES = """
[work]
token_id = "ak-canary-in-a-file"
token_secret = "as-canary-in-a-file"
active = true
[other]
token_secret = "as-another-canary"
"""


def test_a_modal_token_that_is_only_in_modals_file_is_redacted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "modal.toml"
    config.write_text(PROFILES)
    monkeypatch.setenv("MODAL_CONFIG_PATH", str(config))
    said = redacted("ak-canary-in-a-file, as-canary-in-a-file and as-another-canary are refused")
    assert said == "***, *** and *** are refused"


def test_modals_file_in_the_home_folder_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".modal.toml").write_text(PROFILES)
    monkeypatch.delenv("MODAL_CONFIG_PATH", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert redacted("as-another-canary") == "***"


@pytest.mark.parametrize("content", [b"not toml", b"\xff", b"a = 1\n[b]\ntoken_id = 7\n"])
def test_a_broken_modal_file_is_no_obstacle(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "modal.toml"
    config.write_bytes(content)
    monkeypatch.setenv("MODAL_CONFIG_PATH", str(config))
    assert redacted("as it is") == "as it is"
