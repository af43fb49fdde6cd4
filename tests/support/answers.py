"""What an endpoint answers, in the form of the contract."""

from __future__ import annotations

from typing import Any


def good_answer(region: str, model: str, response: str = "4", **more: Any) -> dict[str, Any]:
    return {
        "success": True,
        "response": response,
        "model": model,
        "region": region,
        "inference_time": 0.01,
        "tokens_generated": 1,
        "container_id": f"local-{region}-1-{model}",
        "container_region": f"local-{region}",
        "gpu": None,
        "model_revision": None,
        "receipt": {"schema_version": "v0.1.0", "execution_details": {"provider_id": f"provider-{region}"}},
        **more,
    }
