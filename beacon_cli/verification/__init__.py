"""Verifies what is deployed: compares every region with the registry, and asks its models on request."""
