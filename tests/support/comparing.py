"""`beacon compare` inside the process of a test, and what its document says."""

from __future__ import annotations

from typing import Any

import psycopg

from tests.support.in_process import Done, beacon

Connection = psycopg.Connection[tuple[Any, ...]]


def compare(*arguments: str, url: str) -> Done:
    return beacon("compare", *arguments, url=url)


def compared(*arguments: str, url: str) -> tuple[int, dict[str, Any], list[dict[str, str]]]:
    done = compare(*arguments, "--json", url=url)
    assert done.err == ""
    document = done.document
    assert (document["schema_version"], document["command"]) == (1, "compare")
    assert document["ok"] is (done.code == 0)
    return done.code, document["data"], document["errors"]


def different(data: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["question_id"], each["model_id"]) for each in data["results"] if each["verdict"] == "different"]


# A change of a region's rows, and the condition that then differs.
DIFFERING = {
    "model": """UPDATE executions SET output_data = output_data
        || CASE model_id WHEN 'llama3.2-1b' THEN '{"model": "other"}'::jsonb ELSE '{}' END""",
    "model_revision": """UPDATE executions SET output_data = output_data || '{"model_revision": "r2"}'""",
    "gpu": """UPDATE executions SET output_data = output_data || '{"gpu": "L4"}'""",
    "precision": """UPDATE executions SET output_data = output_data
        || jsonb_build_object('device', '{"dtype": "float16"}'::jsonb)""",
    "libraries": """UPDATE executions SET output_data = output_data
        || jsonb_build_object('device', '{"torch": "2.12.0"}'::jsonb)""",
    "generator": """UPDATE executions SET receipt_data = jsonb_set(receipt_data, '{provenance,architecture}', '"x"')""",
    "registry": """UPDATE executions
        SET receipt_data = jsonb_set(receipt_data, '{provenance,model_registry}', '"x"')""",
    "sampling": """UPDATE executions
        SET receipt_data = jsonb_set(receipt_data, '{output,metadata,temperature}', '1')""",
    "system_prompt": "UPDATE executions SET system_prompt = 'You are in Asia.'",
    "region": """UPDATE executions SET output_data = output_data || '{"region": "us"}'""",
}
