"""The one vocabulary of models and regions: made from the settings, and handed down to all that names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modal_deployment.regions import Region, Regions
from modal_deployment.registry import Model


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The regions and models that are known; `deployed` and `deployed_regions` are those of the deployment on Modal."""

    regions: Regions
    models: Mapping[str, Model]
    deployed: tuple[Model, ...]
    deployed_regions: tuple[Region, ...]

    @property
    def registry(self) -> dict[str, Model]:
        """The models of the deployment, by id."""
        return {model.id: model for model in self.deployed}
