"""Proving what is deployed: every region compared with the registry, and asked when that is wanted."""
