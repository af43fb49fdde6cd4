"""Locks that are lost and taken back, and journals that others meet: what is stored is not asked again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from beacon_cli.errors import LockLost
from beacon_cli.store.session import Session
from tests.acceptance.conftest import Beacon, new_beacon
from tests.support.cut_network import Network, network_to
from tests.support.fleet import Fleet, until
from tests.support.invariant import Aftermath, assert_invariant
from tests.support.locks import wait_for_a_lock
from tests.support.tcp_postgres import TcpPostgres
from tests.support.warm_start import Running

QUESTIONS = 12
CELLS = QUESTIONS * 6
_END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ '^(process|worker) '"


@pytest.fixture
def network(fleet: Fleet) -> Iterator[Network]:
    with network_to(fleet.url) as made:
        yield made


@pytest.fixture
def elsewhere(fleet: Fleet) -> Iterator[Beacon]:
    """A `beacon` on another machine: with another data folder, and a network that works."""
    with new_beacon() as made:
        made.environment |= fleet.beacon.environment
        yield made


def job_of(beacon: Beacon, questions: int = QUESTIONS, name: str = "cut") -> str:
    document = {
        "id": name,
        "questions": [{"id": f"q{n}", "text": f"{name} {n}?"} for n in range(questions)],
        "models": ["llama3.2-1b", "qwen2.5-1.5b"],
        "regions": ["US", "EU", "ASIA"],
    }
    return beacon.write(f"{name}.json", json.dumps(document))


def begin(fleet: Fleet, url: str, job: str) -> Running:
    """Start a run whose database is behind `url`, and return once it has 12 answers, and waits for 6 more.

    These 6 stay in flight until `answers` of the regions is None.
    """
    fleet.regions.answers = 12
    fleet.beacon.environment["BEACON_DATABASE_URL"] = url
    process = fleet.beacon.begin("run", job, "--json")
    fleet.beacon.environment["BEACON_DATABASE_URL"] = fleet.url
    until(lambda: fleet.answered() == 12 and asked(fleet) == 18, 300, fleet.everything)
    return process


def begin_worker(fleet: Fleet, url: str, *arguments: str) -> Running:
    """Do the same with a worker; it has 6 answers of job one."""
    fleet.regions.answers = 6
    fleet.submit("one", questions=4)
    fleet.beacon.environment["BEACON_DATABASE_URL"] = url
    worker = fleet.worker(*arguments)
    fleet.beacon.environment["BEACON_DATABASE_URL"] = fleet.url
    until(lambda: fleet.answered() == 6 and asked(fleet) == 12, 300, fleet.everything)
    return worker


def ended(process: Running) -> subprocess.CompletedProcess[str]:
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def journals(beacon: Beacon) -> list[Path]:
    return sorted((beacon.data / "journal").glob("*"))


def lines(beacon: Beacon) -> int:
    return sum(path.read_bytes().count(b"\n") for path in journals(beacon))


def asked(fleet: Fleet) -> int:
    return sum(fleet.regions.seen.values())


def after(fleet: Fleet, *done: subprocess.CompletedProcess[str], killed: bool = False) -> None:
    assert_invariant(Aftermath(fleet.beacon.folder, fleet.url, list(done), regions=fleet.regions, killed=killed))


@pytest.mark.fault(76, "the database cut off by a proxy, its session ended, the whole job run elsewhere")
def test_a_run_that_lost_its_lock_asks_nothing_that_was_stored_meanwhile(
    fleet: Fleet, network: Network, elsewhere: Beacon
) -> None:
    job = job_of(fleet.beacon)
    process = begin(fleet, network.url, job)
    network.cut()
    fleet.rows(_END_SESSIONS)
    fleet.regions.answers = None
    until(lambda: lines(fleet.beacon) == 6, 300, fleet.everything)
    other = elsewhere("run", job, "--json")
    assert other.returncode == 0, other.stderr
    before = asked(fleet)
    network.mend()
    done = ended(process)
    assert done.returncode == 0, done.stderr
    assert asked(fleet) == before, "it asked on from its memory"
    assert "stored by another process in the meantime" in done.stderr
    assert journals(fleet.beacon) == []
    assert before <= CELLS + 6
    after(fleet, other, done)


@pytest.mark.fault(76, "SIGSTOP, the session ended, half of the job run elsewhere, SIGCONT")
def test_a_run_that_was_suspended_goes_on_with_what_is_left(fleet: Fleet, elsewhere: Beacon) -> None:
    job = job_of(fleet.beacon)
    process = begin(fleet, fleet.url, job)
    process.send_signal(signal.SIGSTOP)
    fleet.rows(_END_SESSIONS)
    fleet.regions.answers = 18 + CELLS // 2  # the rest stays in flight
    other = elsewhere.begin("run", job, "--json")
    until(lambda: fleet.answered() >= CELLS // 2, 300, fleet.everything)
    other.send_signal(signal.SIGINT)
    stopped = ended(other)
    assert stopped.returncode == 130
    fleet.regions.answers = None
    process.send_signal(signal.SIGCONT)
    done = ended(process)
    assert done.returncode == 0, done.stderr
    assert "stored by another process in the meantime" in done.stderr
    assert asked(fleet) <= CELLS + 12, "more than what was in flight twice"
    after(fleet, stopped, done)


def kept_answers(fleet: Fleet) -> list[int]:
    """Return how many answers each journal of the folder keeps."""
    return [kept["answers"] for kept in fleet.beacon.json("queue")[1]["data"]["journals"]]


@pytest.mark.fault(74, "a worker killed while its database is cut off; its job is cancelled")
def test_a_worker_settles_the_journals_of_its_folder_when_it_starts(fleet: Fleet, network: Network) -> None:
    worker = begin_worker(fleet, network.url)
    network.cut()
    fleet.regions.answers = None
    until(lambda: kept_answers(fleet) == [6], 300, fleet.everything)
    worker.kill()
    worker.wait()
    fleet.rows(_END_SESSIONS)
    assert fleet.beacon("cancel", "one").returncode == 0
    _, document = fleet.beacon.json("queue")
    (kept,) = document["data"]["journals"]
    assert (kept["job_id"], kept["answers"], kept["file"]) == ("one", 6, str(journals(fleet.beacon)[0]))
    listed = fleet.beacon("jobs")
    assert f"6 answers of job one are kept in {kept['file']}" in listed.stdout
    fleet.worker()
    until(lambda: journals(fleet.beacon) == [], 300, fleet.everything)
    assert fleet.answered() == 12
    assert "stored 6 answers of job one" in fleet.log(fleet.workers[-1])


@pytest.mark.fault(74, "a network that swallows everything, and two signals to a worker")
def test_a_second_signal_ends_a_worker_that_cannot_reach_its_database(fleet: Fleet, network: Network) -> None:
    worker = begin_worker(fleet, network.url, "--drain", "600")
    network.silence()
    fleet.regions.answers = None
    until(lambda: lines(fleet.beacon) == 6, 300, fleet.everything)
    worker.send_signal(signal.SIGTERM)
    until(lambda: "draining" in fleet.log(worker), 300, fleet.everything)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(300) == 143, fleet.log(worker)
    assert "Traceback" not in fleet.log(worker)
    fleet.rows(_END_SESSIONS)
    fleet.worker()
    fleet.wait_until_done("one")
    assert set(fleet.regions.seen.values()) == {1}, "an answer that was kept was asked again"


@pytest.mark.fault(74, "the taker of a journal killed at a locked table; the run adds to it, and is killed, too")
def test_a_journal_survives_whoever_takes_it(fleet: Fleet, network: Network) -> None:
    job = job_of(fleet.beacon)
    process = begin(fleet, network.url, job)
    network.cut()
    fleet.rows(_END_SESSIONS)
    fleet.regions.silent.add("apac")
    fleet.regions.answers = None
    until(lambda: lines(fleet.beacon) == 4, 300, fleet.everything)
    with psycopg.connect(fleet.url) as connection:
        connection.execute("LOCK TABLE executions IN EXCLUSIVE MODE")
        taker = fleet.beacon.begin("run", job, "--json")
        wait_for_a_lock(fleet.url)
        taker.kill()
        taker.communicate()
    assert lines(fleet.beacon) == 4
    fleet.regions.silent.clear()
    until(lambda: lines(fleet.beacon) == 6, 300, fleet.everything)
    process.kill()
    process.communicate()
    done = fleet.beacon("run", job, "--json")
    assert done.returncode == 0, done.stderr
    assert "an earlier run had kept" in done.stderr
    assert journals(fleet.beacon) == []
    assert asked(fleet) == CELLS, "an answer that was kept was asked again"
    after(fleet, done)


@pytest.mark.fault(74, "files in the journal's folder that no run wrote")
def test_what_is_no_journal_is_named_and_blocks_nothing(fleet: Fleet) -> None:
    folder = fleet.beacon.data / "journal"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    (folder / "0f7c9b1e-2d0a-4a57-9f35-0d4e3f1c2b4a.jsonl").write_bytes(b"\xff\xfe no row\n")
    (folder / "1f7c9b1e-2d0a-4a57-9f35-0d4e3f1c2b4a.jsonl").mkdir()
    done = fleet.beacon("run", job_of(fleet.beacon, questions=1), "--json")
    assert done.returncode == 0, done.stderr
    assert "notes.txt" in done.stderr
    assert "left unchanged" in done.stderr
    assert len(journals(fleet.beacon)) == 3
    assert "notes.txt" in fleet.beacon("jobs").stdout


@pytest.mark.fault(74, "a job that was deleted while its answers were in a journal")
def test_the_journal_of_a_deleted_job_is_named_and_kept(fleet: Fleet, network: Network) -> None:
    process = begin(fleet, network.url, job_of(fleet.beacon))
    network.cut()
    fleet.regions.answers = None
    until(lambda: lines(fleet.beacon) == 6, 300, fleet.everything)
    process.kill()
    process.communicate()
    fleet.rows(_END_SESSIONS)
    fleet.rows("DELETE FROM jobs RETURNING id")
    done = fleet.beacon("run", job_of(fleet.beacon, questions=1, name="another"), "--json")
    assert done.returncode == 0, done.stderr
    assert "of job cut are kept in" in done.stderr
    assert "the job was deleted" in done.stderr
    assert len(journals(fleet.beacon)) == 1


@pytest.mark.fault(74, "a network that swallows everything, and SIGKILL")
def test_an_answer_is_in_the_journal_while_a_silent_database_is_still_asked_to_store_it(
    fleet: Fleet, network: Network
) -> None:
    job = job_of(fleet.beacon)
    process = begin(fleet, network.url, job)
    network.silence()
    fleet.regions.answers = None
    until(lambda: lines(fleet.beacon) == 6, 300, fleet.everything)
    process.kill()
    process.communicate()
    fleet.rows(_END_SESSIONS)
    done = fleet.beacon("run", job, "--json")
    assert done.returncode == 0, done.stderr
    assert asked(fleet) == CELLS, "an answer that had arrived was asked again"
    after(fleet, done)


CAN_MOUNT = os.geteuid() == 0 and shutil.which("mount") is not None


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Put a disk of its own under a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    size = f"size={megabytes}m"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"root may not mount a tmpfs here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.fault(74, "a tmpfs of 20 MB under the journal")
@pytest.mark.skipif(not CAN_MOUNT, reason="mounting a tmpfs wants root and the program mount")
def test_a_disk_without_room_for_the_journal_is_found_before_anything_is_asked(fleet: Fleet) -> None:
    with small_disk(fleet.beacon.data / "journal", 20) as folder:
        done = fleet.beacon("run", job_of(fleet.beacon), "--json")
        assert done.returncode == 3, done.stderr
        (error,) = json.loads(done.stdout)["errors"]
        assert (error["code"], str(folder) in error["message"], "64 MB" in error["message"]) == ("journal", True, True)
        worker = fleet.beacon("worker")
        assert (worker.returncode, asked(fleet)) == (3, 0)
        after(fleet, done)


@pytest.mark.fault(74, "a tmpfs under the journal that is filled up while the database is cut off")
@pytest.mark.skipif(not CAN_MOUNT, reason="mounting a tmpfs wants root and the program mount")
def test_a_disk_that_fills_up_later_is_told_as_it_is(fleet: Fleet, network: Network) -> None:
    job = job_of(fleet.beacon)
    with small_disk(fleet.beacon.data / "journal", 80) as folder:
        process = begin(fleet, network.url, job)
        with contextlib.suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(65536))
        network.cut()
        fleet.rows(_END_SESSIONS)
        fleet.regions.answers = None
        _, said = fleet.beacon.until_said("could not be written: No space left on device", process)
        network.mend()
        done = ended(process)
        said += done.stderr
        assert done.returncode == 0, said
        assert "only in memory" in said
        assert "answers are kept in" not in said
        assert "the database is back; every answer is stored" in said
        (folder / "filler").unlink()
    assert set(fleet.regions.seen.values()) == {1}
    after(fleet, done)


@pytest.mark.fault(73, "the server restarted, and a new session given the process id of an old one")
def test_a_session_of_another_program_with_the_same_process_id_is_left_alone(
    fleet: Fleet, postgres: TcpPostgres
) -> None:
    async def main() -> None:
        mine = {job: await Session.open(fleet.url, job) for job in map(str, range(10))}
        process_ids = {job: session.connection.info.backend_pid for job, session in mine.items()}
        postgres.stop("immediate")
        postgres.start()
        job, other = await with_one_of_these(process_ids, fleet.url)
        with contextlib.suppress(psycopg.Error):
            await mine[job].connection.execute("SELECT 1")
        with pytest.raises(LockLost):
            await mine[job].restore()
        assert not other.in_doubt(), "the other session was ended"
        for session in (other, *mine.values()):
            await session.close()

    asyncio.run(main())


async def with_one_of_these(process_ids: Mapping[str, int], url: str) -> tuple[str, Session]:
    """Return a job, and the session in which another program holds it: its process of the server has the job's id.

    A thread or a program that was started a moment earlier may have an id, and keep it: one of them is free.
    """
    for _ in range(20):
        for job, wanted in process_ids.items():
            try:
                await asyncio.to_thread(Path("/proc/sys/kernel/ns_last_pid").write_text, str(wanted - 1))
            except OSError:
                pytest.skip("choosing process ids wants root")
            other = await Session.open(url, job, name="another program")
            if other.connection.info.backend_pid == wanted:
                return job, other
            await other.close()
    raise AssertionError("others were given each of these process ids first")
