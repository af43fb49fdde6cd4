"""The files of a bundle."""

from __future__ import annotations

README = "README.txt"
AUDIT = "audit.json"
COSTS = "costs.json"
EXECUTIONS = "executions.jsonl"
JOB_FILE = "job-file.json"
JOB = "job.json"
QUESTIONS = "questions.jsonl"
REPORT = "report.html"
SUPERSEDED = "superseded.jsonl"
VERDICTS = "verdicts.json"
VERSIONS = "versions.json"
SUMS = "SHA256SUMS"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
SIGNERS = "allowed_signers"

OPTIONAL = (REPORT,)
LISTED = (README, AUDIT, COSTS, EXECUTIONS, JOB_FILE, JOB, QUESTIONS, REPORT, SUPERSEDED, VERDICTS, VERSIONS)
"""The files that `SHA256SUMS` lists, in the order in which they are written."""
ROWS = (EXECUTIONS, QUESTIONS, SUPERSEDED)
"""The files that are as large as the job: they are read line by line."""
SIGNED = (SIGNATURE, SIGNERS)
"""Both are there in a signed bundle, and neither in another."""
EVERY = (*LISTED, SUMS, MANIFEST, *SIGNED)
"""Every file that a bundle may have: there are no others."""
