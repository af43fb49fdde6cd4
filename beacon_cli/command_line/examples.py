"""The examples in the help of each command, and the documents with more details."""

from __future__ import annotations

from dataclasses import dataclass

_PROGRAM = "beacon"


@dataclass(frozen=True, slots=True)
class Example:
    """A command line as it can be typed, with `beacon` as the program, and what it does."""

    line: str
    meaning: str

    def typed(self, program: str) -> str:
        """Return the line with the program as it was called."""
        return self.line.replace(_PROGRAM, program, 1)


@dataclass(frozen=True, slots=True)
class HelpPage:
    """What the help of a command shows below its options; `documents` are names of pages in docs/."""

    examples: tuple[Example, ...] = ()
    documents: tuple[str, ...] = ()


PAGES: dict[str, HelpPage] = {
    "": HelpPage(
        (
            Example("beacon run examples/quickstart.yaml --local", "Try it: real answers, no account, no server"),
            Example("beacon show JOB_ID", "Read the answers, with the regions side by side"),
        ),
        ("first-hour", "commands", "job-files"),
    ),
    "plan": HelpPage(
        (
            Example("beacon plan job.yaml", "Show what a job asks, and what it can find"),
            Example("beacon plan job.yaml --power 0.95", "Show how many repeats it takes to be almost sure"),
        ),
        ("before-you-pay", "power", "job-files"),
    ),
    "init": HelpPage(
        (
            Example("beacon init", "Write both files into this folder"),
            Example("beacon init study-1", "Write them into a folder of their own, which is created"),
        ),
        ("first-hour", "configuration", "job-files"),
    ),
    "doctor": HelpPage(
        (
            Example("beacon doctor", "Say what is wrong, and what to type"),
            Example(
                "beacon doctor --json | jq '.data.checks[] | select(.status == \"failed\")'", "The same in a script"
            ),
        ),
        ("doctor",),
    ),
    "run": HelpPage(
        (
            Example("beacon run job.yaml --local", "Start servers on this machine and ask them"),
            Example("beacon run job.yaml --job-id bias-demo-1", "Name the job; the same command resumes it"),
            Example("beacon run job.yaml --region US --question math_basic", "Ask only a part of the job"),
            Example("beacon run - --dry-run < job.yaml", "Show what would be asked; read the job from stdin"),
        ),
        ("job-files", "batching"),
    ),
    "check-db": HelpPage(
        (
            Example("beacon check-db bias-demo-1", "Audit a job against what was stored when it was run"),
            Example("beacon check-db bias-demo-1 --expect job.yaml", "Audit it against a job file"),
        ),
        ("check-db",),
    ),
    "compare": HelpPage(
        (
            Example("beacon compare bias-demo-1", "Compare the regions of one job"),
            Example("beacon compare bias-demo-1 bias-demo-2", "Compare two jobs that ask the same questions"),
            Example("beacon compare bias-demo-1 --by model", "Compare the models inside each region"),
            Example("beacon compare bias-demo-1 --fail-on different", "Exit with 1 if a region differs, for CI"),
        ),
        ("compare", "method", "measures", "refusals"),
    ),
    "costs": HelpPage(
        (
            Example("beacon costs bias-demo-1", "What a job cost, region by region"),
            Example("beacon costs --since 30d --by model", "What all jobs of the last month cost, model by model"),
        ),
        ("costs", "configuration"),
    ),
    "dashboard": HelpPage(
        (
            Example("beacon dashboard --open", "Open the pages in the browser"),
            Example("beacon dashboard --port 8800", "Serve them at a port of your choice, as for a tunnel"),
        ),
        ("dashboard", "answers"),
    ),
    "jobs": HelpPage(
        (
            Example("beacon jobs", "List the newest jobs"),
            Example("beacon jobs --status resumable --limit 5", "List jobs that can be resumed"),
        ),
        ("answers",),
    ),
    "show": HelpPage(
        (
            Example("beacon show bias-demo-1 --question leader", "Read the answers to one question"),
            Example("beacon show bias-demo-1 --follow", "Watch answers arrive while the job runs elsewhere"),
        ),
        ("answers",),
    ),
    "export": HelpPage(
        (
            Example("beacon export bias-demo-1 -o answers.parquet", "Write a file for pandas, R or DuckDB"),
            Example("beacon export bias-demo-1 | jq .response", "Pipe the answers, one JSON document per line"),
        ),
        ("export",),
    ),
    "bundle": HelpPage(
        (
            Example("beacon bundle bias-demo-1 --sign ~/.ssh/id_ed25519", "Write all of it into one signed file"),
            Example("beacon bundle bias-demo-1 -o bias-demo-1.zip", "Write it unsigned, under another name"),
        ),
        ("bundle", "publish"),
    ),
    "report": HelpPage(
        (
            Example("beacon report bias-demo-1 --open", "Write the report and open it in the browser"),
            Example("beacon report bias-demo-1 -o demo.html", "Choose the name of the file"),
        ),
        ("report", "method"),
    ),
    "label": HelpPage(
        (
            Example("beacon label bias-demo-1 -o labels.csv", "Draw 200 answers for people to label"),
            Example("beacon label bias-demo-1 -o more.csv --sample 50 --seed 1", "Draw 50 others"),
        ),
        ("refusals", "compare"),
    ),
    "serve": HelpPage(
        (
            Example("beacon serve", "Serve all regions until Ctrl-C"),
            Example("beacon serve --region eu --port 9000", "Serve one region on a port of your choice"),
        ),
        ("endpoints",),
    ),
    "submit": HelpPage(
        (
            Example("beacon submit job.yaml", "Put a job into the queue and return"),
            Example(
                "beacon submit job.yaml --priority -1 --wait", "Run it before other jobs, and wait for its verdict"
            ),
        ),
        ("fleet",),
    ),
    "worker": HelpPage(
        (
            Example("beacon worker", "Run up to 4 jobs at the same time, until a signal stops the worker"),
            Example("beacon worker --jobs 1 --drain 120", "Run one job, and give its calls 2 minutes to end"),
        ),
        ("fleet",),
    ),
    "queue": HelpPage(
        (
            Example("beacon queue", "Show which jobs wait, run, or are stuck"),
            Example("beacon queue --json | jq .data.stuck", "Find stuck jobs from a script"),
        ),
        ("fleet",),
    ),
    "cancel": HelpPage(
        (
            Example("beacon cancel bias-demo-1", "Stop a job, whether it waits or runs"),
            Example("beacon cancel bias-demo-1 --json", "The same for a script, with the number of answers"),
        ),
        ("fleet",),
    ),
    "models": HelpPage(
        (
            Example("beacon models", "List the models, and where each is deployed"),
            Example("beacon models --json", "The same for scripts, with whole revisions"),
        ),
        ("change-models", "deployments"),
    ),
    "regions": HelpPage(
        (
            Example("beacon regions", "List the regions, their names, and where each is asked"),
            Example("beacon regions --json", "The same for scripts"),
        ),
        ("change-models", "deployments"),
    ),
    "deploy": HelpPage(
        (
            Example("beacon deploy modal --dry-run", "Show what would be deployed"),
            Example("beacon deploy modal", "Deploy all regions, then verify them"),
        ),
        ("modal",),
    ),
    "deploy modal": HelpPage(
        (
            Example("beacon deploy modal --dry-run", "Show the apps, GPUs, caps and URLs without deploying"),
            Example("beacon deploy modal --region eu --region us", "Deploy two regions"),
        ),
        ("modal", "change-models", "deployments"),
    ),
    "verify": HelpPage(
        (
            Example("beacon verify endpoints", "Compare what is deployed with the registry; wakes no GPU"),
            Example("beacon verify bundle bias-demo-1.zip", "Check a published result, and compute it anew"),
        ),
        ("verify", "bundle"),
    ),
    "verify bundle": HelpPage(
        (
            Example("beacon verify bundle bias-demo-1.zip", "Check the files, and compute the verdicts anew"),
            Example("beacon verify bundle bias-demo-1.zip --signer author.pub", "Also check whose signature it is"),
        ),
        ("bundle", "publish"),
    ),
    "verify endpoints": HelpPage(
        (
            Example("beacon verify endpoints --probe", "Also ask each model a tiny question; wakes GPUs"),
            Example("beacon verify endpoints --local --region eu", "Verify one server of `serve`"),
        ),
        ("verify",),
    ),
    "rollback": HelpPage(
        (
            Example("beacon rollback modal --dry-run", "Show which version each region would go back to"),
            Example("beacon rollback modal", "Go back to what was verified last, in every region"),
        ),
        ("modal",),
    ),
    "rollback modal": HelpPage(
        (
            Example("beacon rollback modal --region eu", "Go back in one region"),
            Example("beacon rollback modal --region eu --to v3", "Go back to a version of your choice"),
        ),
        ("modal",),
    ),
    "warm": HelpPage(
        (
            Example("beacon warm job.yaml", "Start every container of the job, and wait for it"),
            Example("beacon warm job.yaml --for 30m", "Keep them warm for half an hour; Ctrl-C ends it"),
        ),
        ("warm", "modal"),
    ),
    "db": HelpPage(
        (
            Example("beacon db migrate", "Create the tables, or bring them up to date"),
            Example("beacon db psql -c 'SELECT id FROM jobs'", "Run SQL"),
        ),
        ("database",),
    ),
    "db migrate": HelpPage(
        (
            Example("beacon db migrate", "Migrate the configured database"),
            Example("beacon db migrate --database-url postgresql://db/beacon", "Migrate another database"),
        ),
        ("database",),
    ),
    "db url": HelpPage(
        (
            Example("beacon db url", "Print the address, for other programs on this machine"),
            Example('psql "$(beacon db url)"', "Use a psql of your own"),
        ),
        ("database",),
    ),
    "db stop": HelpPage(
        (
            Example("beacon db stop", "Stop the embedded server"),
            Example("beacon db stop --json", "Report as JSON whether it was running"),
        ),
        ("database",),
    ),
    "db dump": HelpPage(
        (
            Example("beacon db dump -o backup.sql", "Write a backup"),
            Example('beacon db dump | psql "$OTHER_DATABASE"', "Copy everything to another PostgreSQL"),
        ),
        ("database",),
    ),
    "db psql": HelpPage(
        (
            Example("beacon db psql", "Open PostgreSQL's terminal"),
            Example("beacon db psql -c 'SELECT count(*) FROM executions' -At", "Run one query"),
        ),
        ("database",),
    ),
    "delete": HelpPage(
        (
            Example("beacon delete bias-demo-1 --dry-run", "Show what would go"),
            Example("beacon delete bias-demo-1", "Show it, ask, and delete it"),
        ),
        ("deleting",),
    ),
    "prune": HelpPage(
        (
            Example("beacon prune --older-than 90d", "Delete what did nothing for 90 days; it asks first"),
            Example("beacon prune --older-than 1d --yes --json", "The same for a script, which is not asked"),
        ),
        ("deleting",),
    ),
    "schema": HelpPage(
        (
            Example("beacon schema job", "Print the JSON Schema of job files"),
            Example("beacon schema job > job.schema.json", "Save it where your editor finds it"),
        ),
        ("job-files",),
    ),
    "schema job": HelpPage(
        (
            Example("beacon schema job > job.schema.json", "Save it where your editor finds it"),
            Example("beacon schema job | jq '.properties | keys'", "List the keys of a job file"),
        ),
        ("job-files",),
    ),
    "docs": HelpPage(
        (
            Example("beacon docs", "List the pages"),
            Example("beacon docs job-files", "Read one; on a terminal it opens in your pager"),
        ),
        ("commands",),
    ),
    "help": HelpPage(
        (
            Example("beacon help run", "The same as `run --help`"),
            Example("beacon help db migrate", "Explain a command of a group"),
        ),
        ("commands",),
    ),
    "version": HelpPage(
        (
            Example("beacon version", "Print the version"),
            Example("beacon version --json", "Print it with the Python and the system, for a report"),
        ),
        ("commands",),
    ),
}
"""By command, such as `db migrate`; the program itself is the empty text."""
