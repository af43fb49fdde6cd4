"""Beacon: one benchmark, several regions of the world, every answer recorded and audited."""

from modal_deployment import __version__

__all__ = ["__version__"]
