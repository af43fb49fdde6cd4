"""Whether there are Modal credentials is known without the SDK."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon_cli.deployment.credentials import has_credentials


@pytest.fixture(autouse=True)
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET", "MODAL_OAUTH_REFRESH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODAL_CONFIG_PATH", str(tmp_path / "modal.toml"))
    return tmp_path / "modal.toml"


def test_neither_variables_nor_a_file() -> None:
    assert not has_credentials()


def test_both_variables_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_TOKEN_ID", "ak-1")
    assert not has_credentials()
    monkeypatch.setenv("MODAL_TOKEN_SECRET", "as-1")
    assert has_credentials()


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ('[work]\ntoken_id = "ak-1"\ntoken_secret = "as-1"\n', True),
        ('[work]\nenvironment = "main"\n', False),
        ("token_id = 1\n", False),
        ("not toml", False),
        ("", False),
    ],
)
def test_a_profile_with_a_token_in_the_sdks_file(config: Path, text: str, there: bool) -> None:
    config.write_text(text)
    assert has_credentials() is there
