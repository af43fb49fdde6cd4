"""Deleting stored jobs with everything that belongs to them: `delete` and `prune`."""
