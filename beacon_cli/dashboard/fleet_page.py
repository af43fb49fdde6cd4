"""The page of the fleet: what `beacon queue` shows."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from beacon_cli.dashboard.pages import page
from beacon_cli.dashboard.site import Reading, SiteOf
from beacon_cli.errors import MissingExtra, StoreError
from beacon_cli.fleet.tcp import require_readable_fleet
from beacon_cli.records.journal_lines import journal_lines, own_journals

router = APIRouter()


@router.api_route("/fleet", methods=["GET", "HEAD"])
def fleet_page(request: Request, site: SiteOf, connection: Reading) -> HTMLResponse:
    """Return the page of the fleet, or why there is none."""
    try:
        require_readable_fleet(connection)
    except (MissingExtra, StoreError) as error:
        return page(request, "no_fleet.html.j2", message=error.message, hint=error.hint)
    from beacon_cli.fleet.overview import fleet_overview  # which needs the extra

    overview = fleet_overview(site.url, own_journals(site.settings), regions=site.regions)
    return page(request, "fleet.html.j2", **overview.as_data(), remarks=journal_lines(overview.journals))
