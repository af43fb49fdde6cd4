"""The page of the fleet: what `beacon queue` shows."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from beacon_cli.dashboard.pages import page
from beacon_cli.dashboard.site import SiteOf
from beacon_cli.errors import MissingExtra, SchemaError, StoreError
from beacon_cli.records.journal_lines import journal_lines, own_journals

router = APIRouter()


@router.api_route("/fleet", methods=["GET", "HEAD"])
def fleet_page(request: Request, site: SiteOf) -> HTMLResponse:
    """Return the page of the fleet, or why there is none."""
    from beacon_cli.fleet.tcp import is_tcp, require_readable_fleet

    try:
        require_readable_fleet(site.url)
    except (MissingExtra, StoreError) as error:
        if is_tcp(site.url) and not isinstance(error, (MissingExtra, SchemaError)):
            raise
        return page(request, "no_fleet.html.j2", message=error.message, hint=error.hint)
    from beacon_cli.fleet.overview import fleet_overview  # which needs the extra

    overview = fleet_overview(site.url, own_journals(site.settings), regions=site.regions)
    return page(request, "fleet.html.j2", **overview.as_data(), remarks=journal_lines(overview.journals))
