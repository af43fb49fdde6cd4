"""Shows the known models and regions to people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command

if TYPE_CHECKING:
    from rich.console import Console

    from beacon_cli.known.known_models import KnownModel
    from beacon_cli.known.known_regions import KnownRegion

Show = Callable[["Console"], None]
_REVISION = 12  # characters, as git shows a commit


def show_models(models: Sequence[KnownModel], labels: Mapping[str, str]) -> Show:
    """Return a function that prints the models; `labels` are those of the regions, by id."""

    def show(console: Console) -> None:
        from rich.text import Text

        from beacon_cli.console.tables import Column, print_table

        names = ("model", "served by", "runs on", "context", "revision", "deployed in")
        columns = [Column(name, right=name == "context") for name in names]
        optional = [Column("from", optional=True), Column("source", optional=True)]
        rows = [_model_row(model, served_by, labels) for model, served_by in _served(models, labels)]
        print_table(console, [*columns, *optional], rows)
        if (following := _next(models, labels)) is not None:
            console.print(Text(f"next:   {command(following)}"), soft_wrap=True)

    return show


def _next(models: Sequence[KnownModel], labels: Mapping[str, str]) -> str | None:
    """Return the command that brings what is deployed and beacon.toml together, if they are not."""
    if any(known.unknown_in for known in models):
        return "verify endpoints"
    differs = any(known.deploy != bool(known.deployed_in) for known in models)
    return "deploy modal --dry-run" if differs and not any(known.target in labels for known in models) else None


def _served(models: Sequence[KnownModel], labels: Mapping[str, str]) -> Iterator[tuple[KnownModel, str]]:
    """Yield each model, and who serves it; the regions that have it at endpoints of their own share a line."""
    elsewhere: dict[str, list[KnownModel]] = {}
    for known in models:
        if known.target in labels:
            elsewhere.setdefault(known.model.id, []).append(known)
        else:
            yield known, known.target or "-"
    for same in elsewhere.values():
        yield same[0], ", ".join(labels[known.target] for known in same if known.target)


def _model_row(known: KnownModel, served_by: str, labels: Mapping[str, str]) -> list[str]:
    model = known.model
    return [
        excerpt(model.id, 255),
        served_by,
        model.gpu or ("CPU" if known.target == "local" else "-"),
        "-" if model.context is None else str(model.context),
        excerpt((model.revision or "-")[:_REVISION]),
        _deployed_in(known, labels),
        " + ".join(known.origins),
        excerpt(model.source, 255),
    ]


def _deployed_in(known: KnownModel, labels: Mapping[str, str]) -> str:
    regions = ", ".join(labels[region_id] for region_id in known.deployed_in)
    return regions or ("unknown" if known.unknown_in else "not from here" if known.deploy else "-")


def show_regions(regions: Sequence[KnownRegion]) -> Show:
    """Return a function that prints the regions, where each is asked, and its other names."""

    def show(console: Console) -> None:
        from rich.text import Text

        from beacon_cli.console.tables import Column, print_table

        names = ("region", "label", "place", "on Modal", "deployed", "from")
        columns = [Column(name, optional=name == "from") for name in names]
        print_table(console, columns, [_region_row(region) for region in regions])
        for title, lines in (("asked at", _asked_at), ("other names", _other_names)):
            console.print(Text(f"\n{title}"))
            for known in regions:
                _print_under(console, known.region.id, lines(known), width=_widest(regions))

    return show


def _print_under(console: Console, name: str, lines: Sequence[str], *, width: int) -> None:
    """Print lines beside a name, which stands before the first one."""
    from rich.text import Text

    from beacon_cli.console.hanging import print_hanging

    for number, line in enumerate(lines):
        start = Text(f"  {'' if number else name:<{width}}  ")
        print_hanging(start, line, console, indent=len(start))


def _region_row(known: KnownRegion) -> list[str]:
    return [
        known.region.id,
        known.region.label,
        known.region.place or "-",
        known.region.modal_region or "-",
        _deployed(known),
        " + ".join(known.origins),
    ]


def _deployed(known: KnownRegion) -> str:
    if known.deployed_at is None:
        return "not from here" if known.deploy else "-"
    when = excerpt(known.deployed_at[:16].replace("T", " "))
    if known.current:
        return when
    return f"{when}, rolled back" if known.registry_sha256 is None else f"{when}, other models"


def _asked_at(known: KnownRegion) -> list[str]:
    if known.problem is not None:
        return [excerpt(f"- ({known.problem})", 500)]
    others = (f"{url} ({model_id})" for model_id, url in known.inference_urls.items())
    return [excerpt(line, 500) for line in (known.endpoint, *others) if line]


def _other_names(known: KnownRegion) -> list[str]:
    return [", ".join(sorted(map(excerpt, known.region.aliases))) or "-"]


def _widest(regions: Sequence[KnownRegion]) -> int:
    return max(len(known.region.id) for known in regions)
