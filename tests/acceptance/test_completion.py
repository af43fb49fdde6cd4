"""Completion: in real shells in a terminal, and the calls that shells make."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.acceptance.conftest import BEACON, Beacon, new_beacon, script_models
from tests.support.shell import Shell

LOAD = {
    "bash": "source <(beacon --show-completion bash)",
    "zsh": "source <(beacon --show-completion zsh)",
    "fish": "beacon --show-completion fish | source",
}
BASH_BREAKS = " \t\n\"'@><=;|&(:"


@pytest.fixture(scope="module")
def stored() -> Iterator[Beacon]:
    """Two jobs in the embedded database, which is stopped."""
    with new_beacon() as beacon:
        script_models(beacon)
        job = beacon.write("job.yaml", "questions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [US]\n")
        for job_id in ("older", "newer"):
            assert beacon("run", job, "--local", "--job-id", job_id).returncode == 0
        (beacon.folder / "bin").mkdir()
        (beacon.folder / "bin" / "beacon").symlink_to(BEACON)
        yield beacon


def need(shell: str) -> str:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    return shell


@pytest.mark.parametrize("name", sorted(LOAD))
def test_a_shell_completes_what_is_typed(stored: Beacon, name: str) -> None:
    shell = Shell(need(name), stored.folder, stored.variables())
    try:
        shell.run(LOAD[name])
        shell.completes("beacon jo", to="beacon jobs")
        shell.completes("beacon jobs --lim", to="beacon jobs --limit")
        shell.completes("beacon run job.yaml --batching q", to="beacon run job.yaml --batching question")
        shell.completes("beacon run job.yaml --batching=q", to="beacon run job.yaml --batching=question")
        shell.completes("beacon run jo", to="beacon run job.yaml")
        shell.completes("beacon --config bea", to="beacon --config beacon.toml")
        shell.completes("beacon export older --output=ans", to="beacon export older --output=answers.yaml")
        shell.completes("beacon show ol", to="beacon show older")
        shell.completes("bin/beacon check-db ol", to="bin/beacon check-db older")
        shell.completes(f"{BEACON} sho", to=f"{BEACON} show")
        shell.offers("beacon show ", "newer", "older")
    finally:
        shell.close()


@pytest.mark.parametrize("name", sorted(LOAD))
def test_completion_that_is_installed_works_in_a_new_shell(stored: Beacon, name: str) -> None:
    home = stored.folder / f"home of {need(name)}"
    home.mkdir()
    environment = {**stored.variables(), "HOME": str(home), "SHELL": f"/bin/{name}"}
    command = [str(BEACON), "--install-completion", name]
    for _ in range(2):  # the second time changes nothing
        done = subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=True)
        assert str(home) in done.stdout
    rc = {"bash": ".bashrc", "zsh": ".zshrc"}.get(name)
    assert rc is None or (home / rc).read_text().count("completion.") == 2  # one line, which names the file twice
    shell = Shell(name, stored.folder, environment, bare=False)
    try:
        shell.completes("beacon show new", to="beacon show newer")
    finally:
        shell.close()


def call(beacon: Beacon, line: str, shell: str = "bash", **more: str) -> subprocess.CompletedProcess[str]:
    """Call the program as a shell's script does."""
    asked = {"_BEACON_COMPLETE": f"complete_{shell}", "_BEACON_COMPLETE_LINE": line}
    variables = {**beacon.environment, **asked, "_BEACON_COMPLETE_BREAKS": BASH_BREAKS, **more}
    return Beacon(beacon.folder, variables)()


def answer(beacon: Beacon, line: str, shell: str = "bash", **more: str) -> list[str]:
    done = call(beacon, line, shell, **more)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_printed_with_exit_0(beacon: Beacon, shell: str) -> None:
    done = beacon("--show-completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"complete_{shell}" in done.stdout
    assert subprocess.run([need(shell), "-n"], input=done.stdout, text=True, check=False).returncode == 0


def test_the_shell_is_found_out_and_an_unknown_one_is_named(beacon: Beacon) -> None:
    beacon.environment["SHELL"] = "/usr/bin/fish"
    assert "complete_fish" in beacon("--show-completion").stdout
    beacon.environment["SHELL"] = "/bin/csh"
    done = beacon("--show-completion")
    assert (done.returncode, done.stdout) == (2, "")
    assert "bash, zsh, fish" in done.stderr
    assert beacon("--install-completion", "csh").returncode == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("beacon cancel ", ["newer", "older"]),
        ("beacon run job.yaml --job-id o", ["older"]),
        ("beacon show @", ["last"]),  # bash takes the @ for a word of its own
        ("beacon 'show", ["show"]),
        ("beacon run ", [":files"]),
    ],
)
def test_the_words_after_a_line(stored: Beacon, line: str, words: list[str]) -> None:
    assert answer(stored, line) == words


def test_zsh_and_fish_are_told_what_a_word_means(stored: Beacon) -> None:
    assert answer(stored, "beacon jo", "zsh") == ["jobs:List jobs, newest first, with their progress."]
    assert answer(stored, "beacon jo", "fish") == ["jobs\tList jobs, newest first, with their progress."]


def test_jobs_are_read_from_a_server_that_runs(stored: Beacon) -> None:
    stored("db", "url")
    try:
        (stored.data / "job-ids").rename(stored.folder / "kept")
        started = time.monotonic()
        assert answer(stored, "beacon show ") == ["newer", "older"]
        assert time.monotonic() - started < 20  # far above what it takes: the machine may be busy
    finally:
        (stored.folder / "kept").rename(stored.data / "job-ids")
        stored("db", "stop")


def test_without_a_database_nothing_is_offered_made_or_said(new_machine: Beacon) -> None:
    assert answer(new_machine, "beacon show ") == []
    assert not (new_machine.folder / "data").exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BEACON_DATABASE_URL", "postgresql://127.0.0.1:1/x"),  # nobody listens
        ("BEACON_DATABASE_URL", "postgresql://192.0.2.1/x"),  # nobody answers
        ("BEACON_DATABASE_URL", "postgresql://a:b:c@"),
        ("BEACON_LIMITS__ATTEMPTS", "many"),
        ("BEACON_CONFIG", "/nonexistent.toml"),
    ],
)
def test_what_is_wrong_is_not_said_while_somebody_types(beacon: Beacon, variable: str, value: str) -> None:
    started = time.monotonic()
    assert answer(beacon, "beacon show ", **{variable: value}) == []
    assert time.monotonic() - started < 20


def test_a_database_without_tables_is_left_as_it_is(beacon: Beacon) -> None:
    url = beacon("db", "url").stdout.strip()
    assert beacon("db", "psql", "-qc", "CREATE DATABASE bare").returncode == 0
    bare = url.replace("/postgres?", "/bare?")
    assert answer(beacon, "beacon show ", BEACON_DATABASE_URL=bare) == []
    listed = beacon("db", "psql", "--database-url", bare, "-Atc", r"SELECT count(*) FROM pg_stat_user_tables")
    assert listed.stdout == "0\n"


def test_scripts_of_an_older_version_go_on_working(stored: Beacon) -> None:
    def typers(**variables: str) -> subprocess.CompletedProcess[str]:
        return Beacon(stored.folder, {**stored.environment, **variables})()

    done = typers(_BEACON_COMPLETE="complete_bash", COMP_WORDS="beacon sho", COMP_CWORD="1")
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["show"], "")
    done = typers(_BEACON_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="beacon show ne")
    assert (done.returncode, "newer" in done.stdout) == (0, True)
    done = typers(_BEACON_COMPLETE="source_bash")
    assert (done.returncode, "complete_bash" in done.stdout) == (0, True)
