"""Every error that Beacon raises on purpose.

    BeaconError                     exit  code
    ├── UsageError                  2     usage
    │   ├── ConfigError             2     config
    │   │   └── NoEndpoint          2     config
    │   ├── JobFileError            2     job_file
    │   └── FewerRepeats            2     usage
    ├── ProblemsFound               1     problems_found
    │   ├── JobNotFound             1     job_not_found
    │   ├── JobInUse                1     job_in_use
    │   └── ModelNotServed          1     model_not_served
    ├── EnvironmentFault            3     environment
    │   ├── MissingExtra            3     missing_extra
    │   ├── WeightsError            3     weights
    │   ├── LocalServerError        3     local_server
    │   ├── RegionNotReady          3     region_not_ready
    │   ├── RequestRefused          3     request_refused
    │   ├── JournalError            3     journal
    │   ├── LeaseLost               75    lease_lost
    │   └── StoreError              3     database
    │       ├── SchemaError         3     schema
    │       ├── JobLocked           3     job_locked
    │       └── LockLost            3     lock_lost
    └── CredentialsError            4     credentials

An error of a library (psycopg, httpx2, pydantic …) is turned into one of these where it occurs, `from` its cause.
"""

from __future__ import annotations


class BeaconError(Exception):
    """The base of all. `message` says what happened and where, in one line; `hint` what to do next.

    `data` goes into the JSON document: what a script needs to go on.
    """

    exit_code = 1
    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.data: dict[str, object] = {}


class UsageError(BeaconError):
    """The command line is wrong."""

    exit_code = 2
    code = "usage"


class ConfigError(UsageError):
    """`beacon.toml` or a `BEACON_*` variable is not usable."""

    code = "config"


class NoEndpoint(ConfigError):
    """No endpoint is configured for a region, or none for a model."""


class JobFileError(UsageError):
    """The job file, or a file that it names, is not usable; the message starts with `file:line:column`."""

    code = "job_file"


class FewerRepeats(UsageError):
    """The stored job has more repeats than the one that is to be run."""


class ProblemsFound(BeaconError):
    """The command ran, and what it looked at is not as it should be."""

    code = "problems_found"


class JobNotFound(ProblemsFound):
    """No job of that id is in the database."""

    code = "job_not_found"


class JobInUse(ProblemsFound):
    """A job cannot be deleted: a process runs it, the queue has it, or it was run since it was looked at."""

    code = "job_in_use"


class ModelNotServed(ProblemsFound):
    """A region does not serve a model that the job asks there."""

    code = "model_not_served"


class EnvironmentFault(BeaconError):
    """Something in Beacon's environment is missing or broken: the database, the network, a file system, an extra."""

    exit_code = 3
    code = "environment"


class MissingExtra(EnvironmentFault):
    """A command needs an optional dependency that is not installed."""

    code = "missing_extra"


class WeightsError(EnvironmentFault):
    """A local model's weights cannot be fetched, read, or are not the ones pinned."""

    code = "weights"


class LocalServerError(EnvironmentFault):
    """A regional server on this machine did not start, or died."""

    code = "local_server"


class RegionNotReady(EnvironmentFault):
    """A region that the job asks cannot answer at all: its app is stopped or paused, or serves none of the models."""

    code = "region_not_ready"


class RequestRefused(EnvironmentFault):
    """An endpoint does not accept the questions of a job, such as a parameter of its `generation`."""

    code = "request_refused"


class JournalError(EnvironmentFault):
    """The journal for answers that cannot be stored immediately is not writable or not readable."""

    code = "journal"


class LeaseLost(EnvironmentFault):
    """A worker must not continue: others took over its jobs, or its database stayed unreachable.

    75 is EX_TEMPFAIL of sysexits.h: whoever started the worker should start it again.
    """

    exit_code = 75
    code = "lease_lost"


class StoreError(EnvironmentFault):
    """The database cannot be reached, or refused a statement; then `sqlstate` is PostgreSQL's code for the reason."""

    code = "database"
    sqlstate = ""


class SchemaError(StoreError):
    """The database's tables are missing, older or newer than this program's, or another system's."""

    code = "schema"


class JobLocked(StoreError):
    """Another process is running the job."""

    code = "job_locked"


class LockLost(StoreError):
    """Another process took the lock on the job while the connection was lost."""

    code = "lock_lost"


class CredentialsError(BeaconError):
    """Credentials are missing or were refused."""

    exit_code = 4
    code = "credentials"
