"""Modal: whether there is a token, whether it is accepted, and of which workspace it is."""

from __future__ import annotations

import asyncio

from beacon_cli.checkup.condition import Condition
from beacon_cli.deployment.credentials import has_credentials
from beacon_cli.deployment.failures import TOKEN_HINT
from beacon_cli.settings import Settings


def look_at_modal(settings: Settings) -> list[Condition]:
    """Return what Modal says of the token; without one, Modal is not asked. Raises what the question raises."""
    if not has_credentials():
        return [Condition("modal", "skipped", "no token: only deploying needs one", TOKEN_HINT)]
    from beacon_cli.deployment.control_plane import preflight

    workspace = asyncio.run(preflight())
    wanted = settings.modal.workspace
    if wanted and workspace and wanted.lower() != workspace.lower():
        what = f"the token is of the workspace {workspace}, and modal.workspace is {wanted}"
        hint = "correct modal.workspace in beacon.toml, or choose the token of that workspace: modal profile list"
        return [Condition("modal", "warning", what, hint)]
    return [Condition("modal", "ok", f"the token is accepted, of the workspace {workspace or '(unnamed)'}")]
