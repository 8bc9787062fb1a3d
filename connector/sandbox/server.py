"""The sandbox as a server on this machine, and nowhere else."""

from __future__ import annotations

import asyncio
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import uvicorn
from starlette import routing
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..errors import ConfigError
from . import hubspot, salesforce
from .controls import Controls
from .faults import TRANSPORT, Faults, FaultyApp, read_faults
from .store import Store
from .traffic import CountedApp, Traffic

HOST = "127.0.0.1"
FILE = "sandbox.sqlite"
#: Longer than any request a client should send, so that refusing it is ours to do.
LONGEST_HEAD = 1 << 20
START_SECONDS = 30
IDLE_SECONDS = 75
STOPS = (signal.SIGINT, signal.SIGTERM)
#: So often it is looked whether to stop, and so long what is being answered may take then.
TICK_SECONDS, PATIENCE = 0.02, 2
# Seven hundred addresses are more than `re` remembers, and each sandbox would compile them anew.
routing.compile_path = cache(routing.compile_path)
#: What else is served beside Salesforce and the controls.
OTHERS = (
    "connector.sandbox.files",
    "connector.sandbox.signals.chargebee",
    "connector.sandbox.signals.intercom",
    "connector.sandbox.signals.mixpanel",
    "connector.sandbox.signals.stripe",
    "connector.sandbox.signals.zendesk",
    "connector.sandbox.surveys.asknicely",
    "connector.sandbox.surveys.attest",
    "connector.sandbox.surveys.customergauge",
    "connector.sandbox.surveys.delighted",
    "connector.sandbox.surveys.inmoment",
    "connector.sandbox.surveys.qualtrics",
    "connector.sandbox.surveys.retently",
    "connector.sandbox.surveys.satismeter",
    "connector.sandbox.surveys.surveymonkey",
    "connector.sandbox.surveys.survicate",
    "connector.sandbox.surveys.trustmary",
    "connector.sandbox.surveys.typeform",
    "connector.sandbox.surveys.zenloop",
)


class OpenProtocol(H11Protocol):
    """HTTP whose applications can reach the connection, to cut it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app: ASGIApp = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[TRANSPORT] = self.transport
            await app(scope, receive, send)

        self.app = with_transport


def create_app(store: Store, faults: Faults) -> Starlette:
    """Everything the sandbox speaks, over one store."""
    salesforce.prepare(store)
    traffic = Traffic()
    others = [import_module(name) for name in OTHERS]
    platforms = {
        each.__name__.rpartition(".")[2]: each.credentials
        for each in others
        if hasattr(each, "credentials")
    }
    routes: list[Route] = [
        *Controls(store, faults, traffic, platforms).routes(),
        *salesforce.routes(store),
        *hubspot.routes(store),
        *(each for module in others for each in module.routes(store)),
    ]
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(CountedApp, traffic=traffic, clock=store.clock, routes=routes),
            Middleware(FaultyApp, faults=faults),
        ],
    )


def serve(
    directory: Path | None,
    port: int,
    accounts: int,
    seed: int,
    faults: Path | None,
    start: datetime | None,
    ready: Callable[[str], None],
) -> None:
    """Serves until it is told to stop; a new directory is filled first, an old one kept."""
    misfortunes = read_faults(faults) if faults else Faults(seed=seed)
    with _folder(directory) as folder, _listening(port) as listener:
        store = opened(folder, accounts=accounts, seed=seed, start=start)
        try:
            server = _Server(_config(create_app(store, misfortunes)))
            server.ready = lambda: ready(_url(listener))
            server.run(sockets=[listener])
        finally:
            store.close()


def opened(folder: Path, *, accounts: int, seed: int, start: datetime | None) -> Store:
    """The store in a folder, filled if it is new."""
    from .seed import fill

    if not (folder / FILE).exists():
        folder.mkdir(parents=True, exist_ok=True)
        # under another name until it is complete, so that what is there is always whole
        unfinished = folder / f"{FILE}.unfinished"
        for each in folder.glob(f"{unfinished.name}*"):
            each.unlink()
        store = Store(unfinished)
        if start is not None:
            store.clock.set(start)
        fill(store, accounts, seed)
        store.close()
        unfinished.replace(folder / FILE)
    return Store(folder / FILE)


@contextmanager
def running(store: Store, faults: Faults | None = None) -> Iterator[str]:
    """A server in a thread of its own, for as long as the block lasts; gives its address."""
    with _listening(0) as listener:
        server = _Server(_config(create_app(store, faults or Faults())))
        started = threading.Event()
        server.ready = started.set
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        _wait(started, thread)
        try:
            yield _url(listener)
        finally:
            server.should_exit = True
            thread.join(START_SECONDS)


class _Server(uvicorn.Server):
    """Tells when it accepts connections."""

    ready: Callable[[], None] = staticmethod(lambda: None)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stops on a signal and leaves it at that, so that files are closed and all is well."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self.handle_exit) for each in STOPS}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            await asyncio.sleep(TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn does it, but without resting a tenth of a second where nothing is open."""
        for each in (*self.servers, *(sockets or ())):
            each.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        until = time.monotonic() + PATIENCE
        while (self.server_state.connections or self.server_state.tasks) and (
            time.monotonic() < until
        ):
            await asyncio.sleep(TICK_SECONDS)


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=OpenProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=LONGEST_HEAD,
        # A client that sends just as its idle connection is closed sees a fault that is none.
        timeout_keep_alive=IDLE_SECONDS,
    )


def _wait(started: threading.Event, thread: threading.Thread) -> None:
    until = time.monotonic() + START_SECONDS
    while not started.wait(0.05):
        if not thread.is_alive() or time.monotonic() > until:
            raise RuntimeError("the sandbox did not start")


def _url(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # asyncio leaves sockets that it did not open to wait 40 ms for more to send with each answer.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"Port {port} of this machine cannot be used: {error.strerror}.",
            hint="Take another one, or 0 for any that is free.",
        ) from error
    with listener:
        yield listener


@contextmanager
def _folder(directory: Path | None) -> Iterator[Path]:
    if directory is not None:
        yield directory
        return
    with tempfile.TemporaryDirectory(prefix="sandbox-") as fresh:
        yield Path(fresh)
