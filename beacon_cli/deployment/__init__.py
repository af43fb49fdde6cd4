"""Deploys the regional apps on Modal: preflight, a process per region, the record of URLs, and the rollback."""
