"""Settings with scripted models, for tests that want regional servers with planned answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from beacon_cli.settings import Settings


def scripted_settings(folder: Path, scripts: dict[str, dict[str, Any]], **settings: Any) -> Settings:
    """Return settings whose local models answer by `scripts` (model id → script), kept in `folder`."""
    models = {}
    for number, (model_id, script) in enumerate(scripts.items()):
        path = folder / f"script-{number}.json"
        path.write_text(json.dumps(script))
        models[model_id] = {"script": path}
    local = {**settings.pop("local", {}), "models": models}
    return Settings.model_validate({**settings, "local": local})
