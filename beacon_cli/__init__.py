"""Beacon: one benchmark, several regions of the world, every answer recorded and audited."""

__version__ = "0.1.0"
