"""Which regions and models a deployment is about, and whether they can be deployed. Nothing here reaches a network."""

from __future__ import annotations

from collections.abc import Iterable

from beacon_cli.console.program_name import command
from beacon_cli.console.unknown_region import unknown_region
from beacon_cli.errors import ConfigError, UsageError
from beacon_cli.settings import Settings
from modal_deployment.regions import Region, UnknownRegionError
from modal_deployment.registry import Model

# Without each of these, a container could not be started, or what it loads would not be certain.
_NEEDED = ("revision", "gpu", "context")


def chosen_regions(names: Iterable[str], settings: Settings) -> tuple[Region, ...]:
    """Return the named regions without repetition, or those of `modal.regions` if none is named.

    Raises `UsageError` for an unknown one.
    """
    vocabulary = settings.vocabulary
    try:
        named = tuple(dict.fromkeys(map(vocabulary.regions.named, names)))
    except UnknownRegionError as error:
        raise unknown_region(error) from None
    return named or vocabulary.deployed_regions


def regions_to_deploy(names: Iterable[str], settings: Settings) -> tuple[Region, ...]:
    """Return the regions to deploy: the named ones of `modal.regions`, or all of these that are on Modal.

    Raises `UsageError` for one that is unknown, that is not in `modal.regions`, or that is not Beacon's own; and
    `ConfigError` for one that Modal's region is not known of.
    """
    named = tuple(names)
    regions = chosen_regions(named, settings)
    if not named:
        regions = tuple(region for region in regions if _is_beacons(region, settings))
    for region in regions:
        _require_deployable(region, settings)
    return regions


def models_to_deploy(settings: Settings) -> tuple[Model, ...]:
    """Return the models of `modal.models`. Raises `ConfigError` for one that lacks what deploying needs."""
    for model in settings.vocabulary.deployed:
        if missing := [key for key in _NEEDED if getattr(model, key) is None]:
            place = f'models."{model.id}"'
            raise ConfigError(
                f"{' and '.join(f'{place}.{key}' for key in missing)} must be set to deploy {model.id}",
                hint=f"set that below [{place}] in beacon.toml, or take the model out of modal.models",
            )
    return settings.vocabulary.deployed


def _require_deployable(region: Region, settings: Settings) -> None:
    if not _is_beacons(region, settings):
        raise UsageError(
            f"region {region.label} is not deployed on Modal: regions.{region.id}.api says that another server"
            " answers for it",
            hint=f"name another region; {command('regions')} lists them",
        )
    if region not in settings.vocabulary.deployed_regions:
        raise UsageError(
            f"region {region.label} is not one of those that are deployed",
            hint=f'add "{region.id}" to modal.regions in beacon.toml',
        )
    if region.modal_region is None:
        raise ConfigError(
            f"regions.{region.id}.modal_region must be set to deploy region {region.label}",
            hint="it is Modal's name of a part of the world, such as sa: https://modal.com/docs/guide/region-selection",
        )


def _is_beacons(region: Region, settings: Settings) -> bool:
    configured = settings.regions.get(region.id)
    return configured is None or configured.api != "openai"
