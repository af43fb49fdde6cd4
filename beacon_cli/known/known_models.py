"""The models that jobs can name: those of the registry, of this machine, and of endpoints of other providers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from beacon_cli.endpoints.environment import environment_name
from beacon_cli.endpoints.recorded import recorded_apps, serves
from beacon_cli.local.bundled import local_model_ids
from beacon_cli.local.llama import LlamaGenerator
from beacon_cli.local.models import local_registry
from beacon_cli.local.scripted import ScriptedGenerator
from beacon_cli.settings import Settings
from modal_deployment.contents import gpu_functions
from modal_deployment.registry import BUILT_IN_MODELS, Model

BUILT_IN = "built in"
CONFIGURED = "beacon.toml"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model, and who serves it: `target` is `modal`, `local`, or the id of a region that has it under its own name.
    It is None for one that is only described.

    `origins` are where it is described; a later one overrides parts of an earlier one. `deploy` says that it is one of
    `modal.models`, served by the function `function` there. `deployed_in` are the ids of the regions in which this
    machine deployed it as it is described now, and `unknown_in` those where it may be served since a rollback.
    """

    model: Model
    target: str | None
    origins: tuple[str, ...]
    deploy: bool = False
    function: str | None = None
    deployed_in: tuple[str, ...] = ()
    unknown_in: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """Return it as in the JSON document."""
        return {
            **asdict(self.model),
            "target": self.target,
            "from": list(self.origins),
            "deploy": self.deploy,
            "function": self.function,
            "deployed_in": list(self.deployed_in),
            "unknown_in": list(self.unknown_in),
        }


def known_models(settings: Settings) -> list[KnownModel]:
    """Return every model that is known, without asking anybody, and without reading weights."""
    return [*_on_modal(settings), *_on_this_machine(settings), *_of_endpoints(settings)]


def _on_modal(settings: Settings) -> Iterator[KnownModel]:
    vocabulary = settings.vocabulary
    functions = {
        model.id: function.name for function in gpu_functions(vocabulary.deployed) for model in function.models
    }
    recorded = recorded_apps(settings, environment_name(settings))
    apps = [(region_id, recorded[region_id]) for region_id in vocabulary.regions if region_id in recorded]
    unknown_in = tuple(region_id for region_id, entry in apps if entry.get("registry_sha256") is None)
    built_in = {model.id for model in BUILT_IN_MODELS}
    for model in vocabulary.models.values():
        deploy = model.id in vocabulary.registry
        origins = ((BUILT_IN, model.id in built_in), (CONFIGURED, model.id in settings.models))
        yield KnownModel(
            model=model,
            target="modal" if deploy else None,
            origins=tuple(origin for origin, holds in origins if holds),
            deploy=deploy,
            function=functions.get(model.id),
            deployed_in=tuple(region_id for region_id, entry in apps if serves(entry, model)),
            unknown_in=unknown_in,
        )


def _on_this_machine(settings: Settings) -> Iterator[KnownModel]:
    for model_id in local_model_ids(settings):
        configured = settings.local.models.get(model_id)
        if configured is None:
            model = local_registry(settings, [model_id])[model_id]
            yield KnownModel(model=model, target="local", origins=(BUILT_IN,))
        else:
            file = configured.script or configured.gguf
            generator = ScriptedGenerator if configured.script else LlamaGenerator
            model = Model(id=model_id, source=str(file), architecture=generator.architecture)
            yield KnownModel(model=model, target="local", origins=(CONFIGURED,))


def _of_endpoints(settings: Settings) -> Iterator[KnownModel]:
    for region_id, region in settings.regions.items():
        for model_id, own in region.models.items():
            model = Model(id=model_id, source=own.name or model_id, architecture="unknown")
            yield KnownModel(model=model, target=region_id, origins=(CONFIGURED,))
