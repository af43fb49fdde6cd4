"""`beacon dashboard`: pages in the browser of what is stored, on this machine only, and never a write."""

from beacon_cli.extras import require

require("dashboard", "fastapi", "uvicorn", "jinja2")
