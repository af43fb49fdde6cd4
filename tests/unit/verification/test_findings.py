"""The catalogue of findings and its documentation."""

from __future__ import annotations

import re
from pathlib import Path

from beacon_cli.endpoints.configured import configured_endpoints
from beacon_cli.settings import Settings
from beacon_cli.verification.findings import CODES, finding_at
from tests.support.vocabulary import REGIONS

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "verify.md"


def test_the_docs_have_a_row_for_every_code_with_its_severity_and_for_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (fail|warn)", DOCS.read_text(), re.MULTILINE)
    assert dict(reversed(rows)) == {code: known.severity for code, known in CODES.items()}


def test_every_code_says_what_to_do() -> None:
    assert [code for code, known in CODES.items() if not known.hint] == []


def test_nothing_is_to_be_deployed_where_somebody_elses_endpoint_is_asked() -> None:
    settings = Settings.model_validate({"regions": {"us": {"base_url": "https://models.example/v1", "api": "openai"}}})
    endpoint = configured_endpoints(settings, [REGIONS["us"]], {})["us"]
    only_on_modal = {"never_deployed", "app_stopped", "app_paused", "different_image", "image_unknown"}
    for code in CODES.keys() - only_on_modal:
        hint = finding_at(endpoint, code, "", "modal").hint
        assert "deploy modal" not in hint
        assert "{" not in hint
