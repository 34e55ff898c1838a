"""A real server on loopback with the pages alone."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from hub.dashboard import DashboardContext, pages, problem_pages
from hub.ledger import Ledger, exchange_log


@contextlib.contextmanager
def served(ledger: Ledger) -> Iterator[str]:
    """The address of the pages over this ledger; the server stops at the end."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        context = DashboardContext(ledger, exchange_log.append, hub_name="hub.test", base_url=address)
        app = FastAPI(openapi_url=None)
        app.include_router(pages(context))
        app.include_router(problem_pages(context))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started:
            if time.monotonic() > deadline:
                raise TimeoutError("the server did not start")
            time.sleep(0.02)
        try:
            yield address
        finally:
            server.should_exit = True
            thread.join(10)
