"""`beacon doctor` on set-ups that are broken, each in one way: the line that says what is wrong, and what to type."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from grpclib import Status as Code

from beacon_cli.config import load_settings
from beacon_cli.endpoints.recorded import save
from modal_deployment.registry import BUILT_IN_MODELS
from tests.integration.checkup.conftest import Doctor, Line, closed_port
from tests.support.fake_modal import fake_modal

CAN_MOUNT = os.name == "posix" and os.geteuid() == 0 and shutil.which("mount") is not None


def test_a_new_machine_is_told_what_to_do_and_nothing_is_changed(doctor: Doctor) -> None:
    code, lines = doctor()
    assert code == 0
    status, what, to_do = lines["configuration"]
    assert status == "warning"
    assert what.startswith("no beacon.toml in the working folder or above it; variables: BEACON_DATA_DIR; no endpoint")
    assert to_do == "beacon init writes a beacon.toml to fill in"
    assert lines["endpoints"][0] == lines["modal"][0] == "skipped"
    assert lines["modal"][2].startswith("modal token new")
    assert lines["database"][:2] == (
        "ok",
        f"embedded, in {doctor.folder}/data/pg18: the first command creates it that needs it",
    )
    assert lines["data_folder"][1] == f"{doctor.folder}/data, which the first command creates that needs it"
    assert list(doctor.folder.iterdir()) == []


def test_a_typo_in_the_configuration_is_named_and_what_depends_on_it_skipped(doctor: Doctor) -> None:
    (doctor.folder / "beacon.toml").write_text("[limits]\nmax_in_fligth = 3\n")
    code, lines = doctor()
    assert code == 1
    status, what, to_do = lines["configuration"]
    assert (status, what) == ("failed", f"{doctor.folder}/beacon.toml: limits.max_in_fligth: unknown key")
    assert to_do.startswith("did you mean max_in_flight? beacon docs configuration lists every key")
    assert {lines[name][0] for name in ("data_folder", "database", "proxy", "endpoints")} == {"skipped"}
    assert lines["python"][0] == lines["extra.local"][0] == "ok"


def test_a_data_folder_that_cannot_be_one_is_named(doctor: Doctor) -> None:
    (doctor.folder / "data").write_text("a file")
    _, lines = doctor()
    status, what, to_do = lines["data_folder"]
    assert (status, what) == (
        "failed",
        f"the data folder {doctor.folder}/data cannot be used: {doctor.folder}/data: Not a directory",
    )
    assert to_do.startswith("set BEACON_DATA_DIR")
    assert lines["disk"][:2] == ("skipped", "not looked at without a data folder")
    assert lines["database"][:2] == ("skipped", "embedded: not looked at without a data folder")


def test_recorded_endpoints_are_endpoints(doctor: Doctor) -> None:
    urls = {name: f"http://127.0.0.1:{closed_port()}/{name}" for name in ("inference", "models", "health")}
    save(load_settings(), "", {"us": ("app-us", "ap-1", urls)}, BUILT_IN_MODELS)
    _, lines = doctor()
    assert lines["configuration"][0] == "ok"
    assert "no endpoint is configured" not in lines["configuration"][1]


def test_a_configuration_that_is_a_folder_is_told(doctor: Doctor) -> None:
    (doctor.folder / "beacon.toml").mkdir()
    code, lines = doctor()
    assert code == 1
    assert lines["configuration"][:2] == (
        "failed",
        f"{doctor.folder}/beacon.toml (the nearest beacon.toml) is not a file",
    )


def test_a_port_that_is_taken(doctor: Doctor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with moved_ports(port):
            code, lines = doctor()
    assert code == 0
    status, what, to_do = lines["ports"]
    assert status == "warning"
    assert what.startswith(f"{port} is taken by ")
    assert f"(process {os.getpid()})" in what or "pytest" in what or "python" in what
    assert to_do.startswith("end that program, or let local servers use other ports: beacon serve --port ")


@contextlib.contextmanager
def moved_ports(first: int) -> Iterator[None]:
    """Have the default ports begin elsewhere: the real ones may be in use on the machine of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("beacon_cli.local.foreground.BASE_PORT", first)
        yield


@pytest.mark.skipif(not CAN_MOUNT, reason="mounting a tmpfs wants root and the program mount")
def test_a_full_disk(doctor: Doctor) -> None:
    folder = doctor.folder / "data"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,noexec", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        said = mounted.stderr.decode().strip()
        assert "permi" in said.lower(), said
        pytest.skip(f"root may not mount a tmpfs here: {said}")
    try:
        code, lines = doctor()
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
    assert code == 1
    status, what, to_do = lines["disk"]
    assert status == "failed"
    assert "is full: 8 MB are free, 64 MB are needed" in what
    assert to_do == "free space there, or set BEACON_DATA_DIR to a folder on another disk"


def test_an_extra_that_is_missing(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beacon_cli.extras._installed_extras", lambda: frozenset({"local"}))
    code, lines = doctor()
    assert code == 0
    assert lines["extra.local"][0] == "ok"
    status, what, to_do = lines["extra.parquet"]
    assert (status, what) == ("warning", "not installed: export to Parquet")
    assert to_do.startswith("install it with: ")
    assert "parquet" in to_do


def test_a_token_is_asked_about_and_a_refused_one_is_told(doctor: Doctor) -> None:
    with fake_modal() as modal:
        doctor.set(**modal.variables(doctor.folder), BEACON_MODAL__WORKSPACE="somebody-else")
        status, what, to_do = of_modal()
        assert status == "warning"
        assert "modal.workspace is somebody-else" in what
        assert to_do.startswith("correct modal.workspace")
        modal.fail("WorkspaceNameLookup", Code.UNAUTHENTICATED, "Token missing")
        status, what, to_do = of_modal()
    assert status == "failed"
    assert what.startswith("Modal refused the token")
    assert to_do.startswith("modal token new")


def test_the_lines_of_a_terminal(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (doctor.folder / "beacon.toml").write_text("nonsense = 1\n")
    code, out = doctor.run()
    assert code == 1
    assert max(map(len, (line for line in out.splitlines() if str(doctor.folder) not in line))) <= 80
    assert "✗ configuration" in out
    assert "    do: beacon docs configuration lists every key of beacon.toml" in out
    assert out.splitlines()[-1].startswith("not ok: 1 check failed")


def of_modal() -> Line:
    """Return what a process of its own says of Modal: the SDK keeps its first connection."""
    done = subprocess.run([sys.executable, "-m", "beacon_cli", "doctor", "--json"], capture_output=True, timeout=60)
    [line] = [each for each in json.loads(done.stdout)["data"]["checks"] if each["name"] == "modal"]
    return line["status"], line["what"], line["next"]
