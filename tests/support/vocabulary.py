"""The vocabulary of a Beacon without any settings."""

from __future__ import annotations

from beacon_cli.settings import Settings

VOCABULARY = Settings().vocabulary
REGIONS = VOCABULARY.regions
REGISTRY = VOCABULARY.models
