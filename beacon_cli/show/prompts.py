"""The system prompts of a job in the terminal, above its answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from beacon_cli.console.printable import excerpt
from beacon_cli.job.model import DEFAULT_PROMPT

if TYPE_CHECKING:
    from rich.console import Console

_CHARACTERS = 300


def print_system_prompts(prompts: Mapping[str, str], console: Console) -> None:
    """Print the system prompts, by region label and `default`; nothing if there are none."""
    from rich.text import Text

    for name, prompt in prompts.items():
        of_region = "" if name == DEFAULT_PROMPT else f" in {excerpt(name, 40)}"
        if name == DEFAULT_PROMPT and len(prompts) > 1:
            of_region = " elsewhere"
        console.print(Text(f"system prompt{of_region}: {excerpt(prompt, _CHARACTERS)}", "dim"))
    if prompts:
        console.print()
