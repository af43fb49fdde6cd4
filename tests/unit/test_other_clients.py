"""The script that types the page on other clients finds whole files and commands there."""

from __future__ import annotations

import ast

import pytest
from ruamel.yaml import YAML

from tests.support.client_page import ON_MODAL, PAGE, clients


@pytest.mark.parametrize(("place", "address"), [("On this machine", "http://localhost:8702"), ("On Modal", ON_MODAL)])
def test_each_client_of_the_page_has_its_files_and_whole_commands(place: str, address: str) -> None:
    found = {client.name: client for client in clients(PAGE.read_text(encoding="utf-8"), place)}
    assert list(found) == ["curl", "Python", "Inspect", "promptfoo"]
    assert found["curl"].commands[0].count("\n") >= 1, "with the lines after a backslash"
    assert "messages" in found["curl"].commands[0]
    assert [list(client.files) for client in found.values()] == [[], ["ask.py"], ["task.py"], ["promptfooconfig.yaml"]]
    assert [client.install for client in found.values()] == [
        (),
        ("pip install openai",),
        ("pip install inspect-ai openai",),
        ("npm install -g promptfoo",),
    ]
    ast.parse(found["Python"].files["ask.py"])
    ast.parse(found["Inspect"].files["task.py"])
    (provider,) = YAML(typ="safe").load(found["promptfoo"].files["promptfooconfig.yaml"])["providers"]
    assert provider["config"]["apiBaseUrl"] == f"{address}/v1"
