"""The reference of job files and the examples say what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from beacon_cli.job.bank import BANK
from beacon_cli.job.limits import parse_duration
from beacon_cli.job.load import load_job
from beacon_cli.job.schema import job_schema
from beacon_cli.local.bundled import BUNDLED
from tests.support.vocabulary import REGIONS, REGISTRY

ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "docs" / "reference" / "job-files.md").read_text(encoding="utf-8")
KNOWN = {*REGISTRY, *BUNDLED}


def documented_keys(text: str) -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


def schema_keys() -> set[str]:
    schema = job_schema(known_models=REGISTRY, regions=REGIONS)
    return set(schema["properties"]).union(*(part["properties"] for part in schema["$defs"].values()))


def test_every_key_is_documented() -> None:
    assert schema_keys() <= documented_keys(REFERENCE)


def test_every_question_of_the_bank_and_every_region_is_documented() -> None:
    for question_id, text in BANK.items():
        assert f"| `{question_id}` | {text} |" in REFERENCE
    for region in REGIONS.values():
        row = next(line for line in REFERENCE.splitlines() if line.startswith(f"| `{region.label}` | `{region.id}` |"))
        assert set(re.findall(r"`([\w-]+)`", row)) == {region.label, region.id, *region.aliases}
        assert row.endswith(f"| {region.place} |")


@pytest.mark.parametrize(
    "name", list(job_schema(known_models=REGISTRY, regions=REGIONS)["$defs"]["Limits"]["properties"])
)
def test_the_defaults_of_limits_are_documented(name: str) -> None:
    default = job_schema(known_models=REGISTRY, regions=REGIONS)["$defs"]["Limits"]["properties"][name]["default"]
    row = next(line for line in REFERENCE.splitlines() if line.startswith(f"| `{name}` |"))
    written = row.split(" | ")[2]
    if default is None:
        assert written == ("none" if name == "max_cost" else "the number of the job's models there")
    else:
        assert (parse_duration(written) if name.endswith(("_timeout", "_patience")) else float(written)) == default


def test_the_job_in_the_reference_loads(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", REFERENCE, re.DOTALL)
    (tmp_path / "job.yaml").write_text(block, encoding="utf-8")
    assert load_job(tmp_path / "job.yaml", known_models=REGISTRY, regions=REGIONS).expected == 2 * (5 + 2)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("quickstart.yaml", 54),
        ("bias-demo.yaml", 480),
        ("operators-check.yaml", 12),
        ("large-set.yaml", 36),
        ("prompts-by-region.yaml", 9),
        ("version1.json", 12),
    ],
)
def test_every_example_loads(name: str, expected: int) -> None:
    job = load_job(ROOT / "examples" / name, known_models=KNOWN, regions=REGIONS)
    assert job.expected == expected
    assert bool(job.warnings) == (name == "version1.json")


def test_there_is_no_example_that_is_not_tested() -> None:
    names = {path.name for path in (ROOT / "examples").iterdir()}
    tested = {"quickstart.yaml", "bias-demo.yaml", "operators-check.yaml", "large-set.yaml", "prompts-by-region.yaml"}
    assert names == {*tested, "version1.json", "questions.jsonl", "questions.csv"}
