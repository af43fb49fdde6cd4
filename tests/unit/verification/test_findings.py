"""The catalogue of findings and its documentation."""

from __future__ import annotations

import re
from pathlib import Path

from beacon_cli.verification.findings import CODES, SAID_BY_MODAL, finding, fitted_elsewhere

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "verify.md"


def test_the_docs_have_a_row_for_every_code_with_its_severity_and_for_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (fail|warn)", DOCS.read_text(), re.MULTILINE)
    assert dict(reversed(rows)) == {code: known.severity for code, known in CODES.items()}


def test_every_code_says_what_to_do() -> None:
    assert [code for code, known in CODES.items() if not known.hint] == []


def test_nothing_is_to_be_deployed_at_a_base_url_of_ones_own() -> None:
    for code in CODES.keys() - SAID_BY_MODAL:
        hint = fitted_elsewhere(finding(code, "", "modal"), "br").hint
        assert "deploy modal" not in hint
    told = fitted_elsewhere(finding("extra_model", "", "modal"), "br").hint
    assert told.endswith('set api = "openai" in regions.br of beacon.toml')
    kept = finding("tls_failed", "", "modal")
    assert fitted_elsewhere(kept, "br") == kept
