"""Traces and metrics of runs and workers, sent as OpenTelemetry if the usual variables name a collector."""
