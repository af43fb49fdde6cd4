"""What OpenAI's API answers: a completed chat, and the list of models.

The fields are those of https://platform.openai.com/docs/api-reference/chat/object and .../models/object.
`reasoning_content` is not OpenAI's: it is what vLLM, llama.cpp and DeepSeek send a thought as.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from modal_deployment.generation import Generated
from modal_deployment.receipts import Answered

_OWNER = "beacon"


def chat_completion(answered: Answered) -> dict[str, Any]:
    """Return the body of a successful answer. `system_fingerprint` is the revision of the model's weights."""
    timed, model = answered.timed, answered.source.model
    generated = timed.generated
    thought = {} if generated.thought is None else {"reasoning_content": generated.thought}
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(timed.started_at.timestamp()),
        "model": generated.model or model.id,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": generated.text, "refusal": None, **thought},
                "logprobs": None,
                "finish_reason": generated.finish_reason,
            }
        ],
        **_usage(generated),
        "system_fingerprint": model.revision,
    }


def model_list(model_ids: Iterable[str]) -> dict[str, Any]:
    """Return the body of `GET /v1/models`. `created` is required there, and not known here."""
    models = [{"id": model_id, "object": "model", "created": 0, "owned_by": _OWNER} for model_id in model_ids]
    return {"object": "list", "data": models}


def _usage(generated: Generated) -> dict[str, Any]:
    if generated.prompt_tokens is None:
        return {}
    return {
        "usage": {
            "prompt_tokens": generated.prompt_tokens,
            "completion_tokens": generated.tokens_generated,
            "total_tokens": generated.prompt_tokens + generated.tokens_generated,
        }
    }
