"""The models of the `local` target: those that come with Beacon, and those of `[local.models]`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from beacon_cli.console.printable import excerpt
from beacon_cli.errors import ConfigError
from beacon_cli.local.bundled import BUNDLED, local_model_ids
from beacon_cli.local.gguf import MAGIC, has_chat_template
from beacon_cli.local.llama import CONTEXT, LlamaGenerator
from beacon_cli.local.scripted import ScriptedGenerator, load_script
from beacon_cli.local.weights import ProgressHook, require_weights, sha256_of
from beacon_cli.settings import LocalModelSettings, Settings
from modal_deployment.registry import Model

# The context window of a model that is not a language model.
_SCRIPT_CONTEXT = 128_000


def local_registry(settings: Settings, model_ids: Iterable[str] | None = None) -> dict[str, Model]:
    """Return the local target's registry, with those of `model_ids` that it has (None: all).

    A GGUF file is hashed if it is new or has changed. Raises `ConfigError` for a file that is not usable.
    """
    wanted = None if model_ids is None else set(model_ids)
    return {
        model_id: _model(settings, model_id)
        for model_id in local_model_ids(settings)
        if wanted is None or model_id in wanted
    }


def model_file(settings: Settings, model_id: str, on_progress: ProgressHook | None = None) -> Path:
    """Return the weights or the script of a local model. Beacon's own weights are fetched if necessary.

    Raises `WeightsError`.
    """
    configured = settings.local.models.get(model_id)
    if configured is None:
        return require_weights(settings.cache_path(), on_progress, pinned=BUNDLED[model_id])
    return _file(configured)


def template_warnings(settings: Settings, model_ids: Iterable[str] | None = None) -> list[str]:
    """Return a sentence for each GGUF file without a chat template, of those that `model_ids` names (None: all).

    A file that cannot be read is left to whoever serves it.
    """
    wanted = local_model_ids(settings) if model_ids is None else model_ids
    files = {
        model_id: configured.gguf
        for model_id in wanted
        if (configured := settings.local.models.get(model_id)) is not None and configured.gguf is not None
    }
    return [
        f"warning: model {excerpt(model_id)}: {excerpt(path.name)} has no chat template, so llama.cpp uses"
        " ChatML; a model that was not trained with it hardly answers questions (use the file of an instruct model)"
        for model_id, path in files.items()
        if not _may_have_template(path)
    ]


def _may_have_template(path: Path) -> bool:
    try:
        return has_chat_template(path)
    except (OSError, ValueError):
        return True


def _model(settings: Settings, model_id: str) -> Model:
    configured = settings.local.models.get(model_id)
    if configured is None:
        pinned = BUNDLED[model_id]
        return Model(model_id, pinned.file_name, pinned.sha256, None, CONTEXT, LlamaGenerator.architecture)
    path = _file(configured)
    try:
        if configured.script is not None:
            load_script(path, regions=settings.vocabulary.regions)
            revision = sha256_of(path)
            return Model(model_id, path.name, revision, None, _SCRIPT_CONTEXT, ScriptedGenerator.architecture)
        revision = _gguf_sha256(path, settings.cache_path() / "weights" / "sha256.json")
    except OSError as error:
        raise ConfigError(f'local.models."{model_id}": {path}: {error.strerror}') from error
    except ValueError as error:
        raise ConfigError(f'local.models."{model_id}".gguf: {path}: {error}') from error
    return Model(model_id, path.name, revision, None, CONTEXT, LlamaGenerator.architecture)


def _file(configured: LocalModelSettings) -> Path:
    path = configured.script or configured.gguf
    assert path is not None  # LocalModelSettings ensures one of the two
    return path.resolve()


def _gguf_sha256(path: Path, known_file: Path) -> str:
    """Return the SHA-256 of a GGUF file, from the cache while its size and time are unchanged."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise ValueError("not a GGUF file")
    status = path.stat()
    state = [status.st_size, status.st_mtime_ns]
    known = _read_known(known_file)
    if (entry := known.get(str(path))) is not None and entry[:2] == state:
        return str(entry[2])
    digest = sha256_of(path)
    with suppress(OSError):  # a cache that cannot be written costs only time
        known_file.parent.mkdir(parents=True, exist_ok=True)
        fresh = known_file.with_suffix(".new")
        fresh.write_text(json.dumps({**known, str(path): [*state, digest]}))
        fresh.replace(known_file)
    return digest


def _read_known(known_file: Path) -> dict[str, list[int | str]]:
    try:
        known = json.loads(known_file.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
