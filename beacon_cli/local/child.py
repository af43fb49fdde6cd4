"""One regional server as a child process: started, awaited, and ended by its id."""

from __future__ import annotations

import asyncio
import json

from beacon_cli.errors import LocalServerError
from beacon_cli.local.plan import ServerPlan
from beacon_cli.python_child import end, start_python
from modal_deployment.regions import Region

START_SECONDS = 120.0  # a large GGUF file on a slow disk
_STOP_SECONDS = 4.0


class Child:
    """A server process. It ends with its stdin, which stays open for as long as it shall live."""

    def __init__(self, region: Region, process: asyncio.subprocess.Process) -> None:
        self.region = region
        self._process = process
        self._stderr = b""
        self._reader = asyncio.ensure_future(self._read_stderr())

    @classmethod
    async def start(cls, region: Region, port: int, plan: ServerPlan) -> Child:
        """Start a server; it is not ready yet."""
        command = ("-m", "beacon_cli.local.server", "--region", region.id, "--port", str(port))
        process = await start_python(*command, withheld=("MODAL_",))
        assert process.stdin is not None
        process.stdin.write(plan.to_line())
        return cls(region, process)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def ready(self) -> str:
        """Wait until the server listens, and return its base URL. Raises `LocalServerError`."""
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), START_SECONDS)
        except TimeoutError:
            raise LocalServerError(
                f"the local server of {self.region.label} was not ready after {START_SECONDS:.0f} s"
            ) from None
        answer = json.loads(line) if line else {"error": await self.died(), "hint": ""}
        if "error" in answer:
            raise LocalServerError(
                f"the local server of {self.region.label} did not start: {answer['error']}", hint=answer["hint"]
            )
        return f"http://127.0.0.1:{answer['port']}"

    async def died(self) -> str:
        """Wait until the process has ended, and return how, with its last line on stderr."""
        await self._process.wait()
        await asyncio.wait((self._reader,))
        lines = self._stderr.decode(errors="replace").strip().splitlines()
        return f"it ended with code {self._process.returncode}" + (f": {lines[-1].strip()}" if lines else "")

    async def stop(self) -> None:
        """End the process and wait until it is gone: SIGTERM, then SIGKILL if that takes too long."""
        try:
            await end(self._process, _STOP_SECONDS)
        finally:
            self._reader.cancel()

    async def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        while chunk := await self._process.stderr.read(65536):
            self._stderr = (self._stderr + chunk)[-4096:]
