"""What an answer says about itself: where and how it was made. It may differ from what was asked, and may be false."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from beacon_cli.door import Door, bounded
from beacon_cli.executor.blocks import finish_reason
from beacon_cli.executor.json_paths import Path, texts_at, value_at
from modal_deployment.limits import MAX_SYSTEM_PROMPT_CHARACTERS
from modal_deployment.regions import region_of_container, region_of_provider, region_or_none

MOST_TOKENS = 2**31 - 1  # of PostgreSQL's int
_TOKENS = (("tokens_generated",), ("receipt", "output", "tokens_generated"))
_REVISIONS = (("model_revision",), ("receipt", "provenance", "model_revision"))
_SYSTEM_PROMPTS = (("receipt", "output", "system_prompt"), ("system_prompt",))
_REGIONS = (("receipt", "execution_details", "region"), ("metadata", "region"), ("receipt", "metadata", "region"))
_PROVIDERS = (("receipt", "execution_details", "provider_id"), ("provider_id",))


@dataclass(frozen=True, slots=True)
class Claims:
    """What an answer says about itself; None for what it does not say. The names are those of `Execution`."""

    finish_reason: str | None = None
    tokens: int | None = None
    model_revision: str | None = None
    effective_system_prompt: str | None = None
    effective_region: str | None = None

    @classmethod
    def read(cls, document: Mapping[str, Any], door: Door) -> Claims:
        """Read them from an answer in the contract's form, or in the old deployment's."""
        system_prompt = next(texts_at(document, _SYSTEM_PROMPTS), None)
        return cls(
            finish_reason=door.name(finish_reason(document)),
            tokens=next(_numbers(document, _TOKENS), None),
            model_revision=door.name(next(texts_at(document, _REVISIONS), None)),
            effective_system_prompt=system_prompt and bounded(system_prompt, MAX_SYSTEM_PROMPT_CHARACTERS),
            effective_region=door.name(next(_regions(document), None)),
        )


def _regions(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the regions that an answer names, the surest first: labels, or texts that name no known region."""
    yield from (known_label(name) or name for name in texts_at(document, _REGIONS))
    yield from (region.label for name in texts_at(document, _PROVIDERS) if (region := region_of_provider(name)))
    yield from (known_label(name) or name for name in texts_at(document, (("region",),)))


def known_label(name: str) -> str | None:
    """Return the label of the region that a name, or a provider's name of a place, stands for."""
    region = region_or_none(name) or region_of_container(name)
    return None if region is None else region.label


def _numbers(document: Mapping[str, Any], paths: Iterable[Path]) -> Iterator[int]:
    found = (value_at(document, path) for path in paths)
    return (number for number in found if type(number) is int and 0 <= number <= MOST_TOKENS)
