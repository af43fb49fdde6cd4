"""Regional servers on this machine: started at the same time, and stopped whenever the block ends, for any reason."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from beacon_cli.errors import LocalServerError
from beacon_cli.extras import require
from beacon_cli.local.child import Child
from beacon_cli.local.llama import LlamaGenerator, threads_for
from beacon_cli.local.models import local_registry, model_file
from beacon_cli.local.plan import ServerPlan
from beacon_cli.local.weights import ProgressHook
from beacon_cli.settings import Settings
from modal_deployment.regions import Region

Notify = Callable[[str], None]
FetchHook = Callable[[str, int, int], None]
"""Called with a model's id, the number of bytes of its weights that have arrived, and their total."""
_STEPS = 100  # calls of a hook during one fetch
_LONG_PATH_BYTES = 60  # with our names appended, a path of this length still fits a socket (104 bytes on macOS)


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A running server; its endpoints are `{base_url}/inference`, `/models` and `/health`."""

    region: Region
    base_url: str
    pid: int
    _child: Child = field(repr=False, compare=False)

    async def died(self) -> str:
        """Wait until the server has ended, and return its last message."""
        return await self._child.died()


@asynccontextmanager
async def local_servers(
    settings: Settings,
    regions: Iterable[Region],
    *,
    model_ids: Iterable[str] | None = None,
    ports: Mapping[str, int] | None = None,
    notify: Notify | None = None,
    on_fetch: FetchHook | None = None,
) -> AsyncIterator[dict[str, LocalServer]]:
    """Run a server for each region, and yield them by region id once all of them are ready.

    They serve those of `model_ids` that the local target has (None: all of them), on the `ports` by region id (else
    on any free port), and require the credentials of `settings`. `on_fetch` is called while weights are fetched: at the
    start, and at each further hundredth. `notify` gets a line when a server dies.
    Raises `WeightsError`, `ConfigError`, `MissingExtra` and `LocalServerError`.
    """
    chosen = list(regions)
    children: list[Child] = []
    watches: list[asyncio.Future[None]] = []
    with _short_folder() as folder:
        plan = await _plan(settings, chosen, model_ids, folder, on_fetch)
        try:
            for region in chosen:
                children.append(await Child.start(region, (ports or {}).get(region.id, 0), plan))
            servers = await _all_ready(children)
            if notify is not None:
                watches += [asyncio.ensure_future(_watch(child, notify)) for child in children]
            yield servers
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*(child.stop() for child in children))


async def _watch(child: Child, notify: Notify) -> None:
    last_words = await child.died()
    notify(f"the local server of {child.region.label} (process {child.pid}) died: {last_words}")


@contextmanager
def _short_folder() -> Iterator[Path]:
    try:
        too_long = os.name == "posix" and len(os.fsencode(tempfile.gettempdir())) > _LONG_PATH_BYTES
        folder = tempfile.TemporaryDirectory(
            prefix="beacon-", dir="/tmp" if too_long else None, ignore_cleanup_errors=True
        )
    except OSError as error:
        raise LocalServerError(
            f"no temporary folder can be created: {error.filename or ''} {error.strerror}",
            hint="set TMPDIR to a folder that is writable",
        ) from error
    with folder as name:
        yield Path(name)


async def _all_ready(children: Sequence[Child]) -> dict[str, LocalServer]:
    waiting = [asyncio.ensure_future(child.ready()) for child in children]
    try:
        urls = await asyncio.gather(*waiting)
    finally:
        for task in waiting:
            task.cancel()
    return {
        child.region.id: LocalServer(child.region, url, child.pid, child)
        for child, url in zip(children, urls, strict=True)
    }


async def _plan(
    settings: Settings,
    regions: Sequence[Region],
    model_ids: Iterable[str] | None,
    folder: Path,
    on_fetch: FetchHook | None,
) -> ServerPlan:
    require("local", "uvicorn", "starlette")
    registry = await asyncio.to_thread(local_registry, settings, model_ids)
    models = list(registry.values())
    loaded = sum(model.architecture == LlamaGenerator.architecture for model in models)
    if loaded:
        require("local", "xllamacpp")
    files = await _files(settings, list(registry), on_fetch)
    return ServerPlan(
        models=tuple(zip(models, files, strict=True)),
        regions=tuple(settings.vocabulary.regions.values()),
        threads=threads_for(loaded * len(regions)),
        hop_after=settings.local.hop_after,
        credentials=_credentials(settings),
        folder=folder,
    )


def _credentials(settings: Settings) -> tuple[tuple[str, str], ...]:
    pairs = (
        (settings.proxy_key, settings.proxy_secret),
        (settings.proxy_key_old, settings.proxy_secret_old),
    )
    return tuple(
        (key.get_secret_value(), secret.get_secret_value())
        for key, secret in pairs
        if key is not None and secret is not None
    )


async def _files(settings: Settings, model_ids: Sequence[str], on_fetch: FetchHook | None) -> list[Path]:
    """Return the models' files, fetched in a thread; cancelling stops the fetch, and waits for that."""
    loop = asyncio.get_running_loop()
    stopped = threading.Event()

    def progress_of(model_id: str) -> ProgressHook:
        steps = _Steps(model_id, on_fetch)

        def on_progress(done: int, total: int) -> None:
            if stopped.is_set():
                raise InterruptedError
            loop.call_soon_threadsafe(steps, done, total)

        return on_progress

    def fetch() -> list[Path]:
        return [model_file(settings, model_id, progress_of(model_id)) for model_id in model_ids]

    work = loop.run_in_executor(None, fetch)
    try:
        await asyncio.wait((work,))
    except asyncio.CancelledError:
        stopped.set()
        await asyncio.wait((work,))
        work.exception()
        raise
    return work.result()


class _Steps:
    """Reports a fetch at its start and at every hundredth of it."""

    def __init__(self, model_id: str, on_fetch: FetchHook | None) -> None:
        self._model_id = model_id
        self._on_fetch = on_fetch
        self._passed = -1

    def __call__(self, done: int, total: int) -> None:
        step = done * _STEPS // total
        if self._on_fetch is not None and step > self._passed:
            self._passed = step
            self._on_fetch(self._model_id, done, total)
