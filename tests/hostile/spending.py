"""What a verdict costs: processor time and memory, measured in a process that was forked for this one verdict.

The parent has everything loaded and warm, so that what is measured is the document's own.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import resource
import time
from dataclasses import dataclass

from tests.hostile.forgery import Bench


@dataclass(frozen=True)
class Spending:
    """``seconds`` of processor time; ``mebibytes`` by which resident memory rose at its highest."""

    code: str
    seconds: float
    mebibytes: float


def spent(bench: Bench, body: bytes) -> Spending:
    """Judge ``body`` in a forked child. The body is in memory already and does not count."""
    # what the parent's heap keeps for later would hide what the child takes
    ctypes.CDLL(None).malloc_trim(0)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _judge(bench, body, writing)
    os.close(writing)
    with open(reading, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, "the child ended before it could tell"
    return Spending(**json.loads(told))


def _judge(bench: Bench, body: bytes, writing: int) -> None:
    """Never returns: the child must not go on as a second test run."""
    status = 1
    try:
        # what the parent left behind is not the document's: the collector would walk it all, and copy its pages
        gc.freeze()
        before, started = _highest(), time.process_time()
        found = asyncio.run(bench.finding(body))
        seconds, risen = time.process_time() - started, _highest() - before
        told = {"code": "" if found is None else found.code, "seconds": seconds, "mebibytes": risen / 1024}
        os.write(writing, json.dumps(told).encode())
        status = 0
    finally:
        os._exit(status)


def _highest() -> int:
    """Highest resident memory so far, in KiB; a fork starts with what is resident then (getrusage(2))."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
