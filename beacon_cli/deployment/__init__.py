"""Deploying the regional apps on Modal: preflight, a process per region, what was recorded, and the way back."""
