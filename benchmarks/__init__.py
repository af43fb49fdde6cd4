"""Measures what Beacon costs against what the same work costs without it: `python -m benchmarks`."""
