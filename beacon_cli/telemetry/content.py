"""Prompts and answers as the GenAI conventions write them into spans, for those who ask for it."""

from __future__ import annotations

import json

from beacon_cli.console.redaction import Redactor
from beacon_cli.door import bounded
from beacon_cli.executor.execution import Execution
from beacon_cli.telemetry.attributes import Attributes, as_name

LONGEST = 8_192
"""The most characters of one text in a span; longer ones end in …"""


def content_attributes(execution: Execution, secrets: Redactor) -> Attributes:
    """Return the system prompt, the question and the answer, without our credentials."""

    def part(text: str) -> dict[str, str]:
        beginning = text[: 2 * LONGEST]  # cut before and after: what is left of a secret at the first cut goes too
        return {"type": "text", "content": bounded(secrets.clean(beginning), LONGEST)}

    asked = [{"role": "user", "parts": [part(execution.cell.question.text)]}]
    found: Attributes = {"gen_ai.input.messages": json.dumps(asked)}
    if execution.system_prompt:
        found["gen_ai.system_instructions"] = json.dumps([part(execution.system_prompt)])
    if execution.response is not None:
        reason = as_name(execution.finish_reason) or "stop"
        answer = [{"role": "assistant", "parts": [part(execution.response)], "finish_reason": reason}]
        found["gen_ai.output.messages"] = json.dumps(answer)
    return found
