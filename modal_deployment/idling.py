"""How long a container waits for the next question before it ends; read here and where the models run."""

from __future__ import annotations

# A GPU costs while it idles: two minutes outlast the gap between two questions.
IDLE_SECONDS = 120
"""Seconds without a question after which a container on Modal ends."""
