"""Runs on more than one machine: a durable queue of jobs, workers that share caps, and take-over when one dies."""
