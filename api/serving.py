"""Serving until SIGTERM: requests under way are answered, new connections refused, exit 0."""

import errno
import os
import signal
import socket
import sys
from contextlib import suppress
from functools import partial
from multiprocessing import parent_process
from multiprocessing.connection import wait
from threading import Thread
from time import monotonic
from typing import Any

from starlette.applications import Starlette
from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from api.app import create_app
from api.console import fail
from api.starting import settling, share_memory
from api.subscriptions.wires import Wire
from api.trailers import Sealed

# Seconds that a thread keeps others from running; of Python's 5 ms each answer would have some.
SWITCH = 0.0002
SHARING = "api.accepting:Sharing"  # the loop of a process that is one of several
LISTENING = 0.1  # seconds for workers to answer before their supervisor hears what it was told
MOST_BYTES = 1_000_000  # of a message that a client sends over WebSocket


class Workers(Multiprocess):
    """Processes on one socket, which closes with them."""

    def keep_subprocess_alive(self) -> None:
        # Held here, too, a worker's end of the pipe outlives it: who asks whether it is well would
        # wait for one that ended, and with it whoever stops them all.
        for process in self.processes:
            process.child_conn.close()
        self._hear()
        if not self._is_told:
            super().keep_subprocess_alive()

    @property
    def _is_told(self) -> bool:
        """Whether this process is told to do anything, such as to stop."""
        return bool(self.signal_queue) or self.should_exit.is_set()

    def _hear(self) -> None:
        """Returns once every worker has said that it is well, or this process is told anything:
        uvicorn itself hears nothing else while it asks, and a worker says nothing until it has
        loaded. Kills those that say nothing for too long."""
        asked = [process.parent_conn for process in self.processes]
        for connection in asked:
            with suppress(OSError):  # it has ended, which is heard below
                connection.send(b"ping")
        until = monotonic() + self.config.timeout_worker_healthcheck
        while asked and not self._is_told and monotonic() < until:
            heard = wait(asked, LISTENING)
            for connection in [one for one in asked if one in heard]:
                asked.remove(connection)
                with suppress(OSError, EOFError):
                    connection.recv()
        for process in self.processes:
            if process.parent_conn in asked and not self._is_told:
                process.kill()

    def terminate_all(self) -> None:
        # While any process listens, the system goes on taking connections that nobody answers.
        for listening in self.sockets:
            listening.close()
        super().terminate_all()


def application(pages: str | None = None) -> Starlette:
    """The node of a process of its own, and where its pages are made if not here. What it begins
    with lasts as long as it does: each time the collector looked through that, everybody waited for
    a tenth of a second."""
    sys.setswitchinterval(SWITCH)
    share_memory()
    Thread(target=_stop_as_an_orphan, daemon=True).start()
    with settling():
        return create_app(pages=pages)


def _stop_as_an_orphan() -> None:
    """Stops a worker whose supervisor was killed: nobody else would, and while it listens no other
    node can."""
    if (supervisor := parent_process()) is not None:
        supervisor.join()
        os.kill(os.getpid(), signal.SIGTERM)


def expect_free(host: str, port: int) -> None:
    """Ends the process with the reason where nobody can listen there: the server's own words may
    hold anything, so that they aren't told."""
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        is_taken = error.errno == errno.EADDRINUSE
        why = "another process listens there" if is_taken else "expected an address of this machine"
        if error.errno == errno.EACCES:
            why = "ports below 1024 take a privilege"
        fail(f"{host}, port {port}: {why}")


def run(
    pages: str | None,
    *,
    host: str,
    port: int,
    workers: int,
    grace: int,
    log_config: dict[str, Any],
) -> None:
    """Serves until told to stop, and then `grace` seconds at most. SystemExit if it can't start."""
    config = configured(
        partial(application, pages),
        factory=True,
        host=host,
        port=port,
        workers=workers,
        loop=SHARING if workers > 1 and sys.platform != "win32" else "auto",
        timeout_graceful_shutdown=grace,
        timeout_worker_healthcheck=60,  # a worker that starts slowly isn't a dead one
        log_config=log_config,
    )
    # Having stopped, uvicorn raises the signal once more, for whoever handled it before.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        is_started = _serve(config)
    except KeyboardInterrupt:
        return
    if not is_started:
        sys.exit(STARTUP_FAILURE)


def configured(app: Any, **options: Any) -> Config:
    """How every node is served, and the given options."""
    return Config(
        app,
        http=Sealed,
        ws=Wire,
        ws_max_size=MOST_BYTES,
        ws_per_message_deflate=False,  # it would pack what all are told once for each
        access_log=False,  # it has addresses and queries in it; ours has a line a request
        server_header=False,
        **options,
    )


def _serve(config: Config) -> bool:
    """Whether it ever served."""
    if config.workers > 1:
        supervisor = Workers(config, sockets=[config.bind_socket()])
        supervisor.run()
        return not any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes)
    server = Server(config)
    server.run()
    return server.started
