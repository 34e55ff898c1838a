"""The process that reads PDFs: ``python -m hub.inspection.worker`` with a socket as its standard input.

Hostile files are routine, so nothing of the hub is in here: no environment, no descriptors, little memory, and so much
processor time for each question; whoever asks ends the process when it does not answer. A question is a line of JSON
(``op``: ``pages`` or ``signatures``, ``size``, ``cpu_seconds``) and the octets; the answer is a line of JSON.
"""

from __future__ import annotations

import base64
import json
import resource
import signal
import socket
import sys
import tempfile
from datetime import datetime
from io import BytesIO
from typing import Any, BinaryIO, cast

from hub.inspection import pdf

MEMORY = 384 * 1024 * 1024
PIECE = 256 * 1024
IN_MEMORY = 1024 * 1024
LONGEST_QUESTION = 64 * 1024 * 1024  # revocation lists travel in it


def main() -> int:
    largest = int(sys.argv[1])
    limits = [(resource.RLIMIT_FSIZE, largest), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, 64)]
    if sys.platform == "linux":  # elsewhere it is not enforced, and some systems refuse to set it
        limits.append((resource.RLIMIT_AS, MEMORY))
    for kind, value in limits:
        resource.setrlimit(kind, (value, value))
    with socket.socket(fileno=sys.stdin.fileno()) as connection, connection.makefile("rwb") as stream:
        while line := stream.readline(LONGEST_QUESTION):
            answer = _serve(json.loads(line), cast(BinaryIO, stream))
            stream.write(json.dumps(answer).encode() + b"\n")
            stream.flush()
            if answer.get("spent"):
                return 0  # what ran out of memory once is not used again
    return 0


def _serve(question: dict[str, Any], stream: BinaryIO) -> dict[str, Any]:
    with _received(stream, question["size"]) as content:
        try:
            return _answer(question, content)
        except MemoryError:
            return {"spent": "memory"}
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


def _received(stream: BinaryIO, size: int) -> BinaryIO:
    """The octets that follow the question, in memory or, when they are many, in a file without a name."""
    if size <= IN_MEMORY:
        return BytesIO(_exactly(stream, size))
    content = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    for place in range(0, size, PIECE):
        content.write(_exactly(stream, min(PIECE, size - place)))
    content.seek(0)
    return cast(BinaryIO, content)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    octets = stream.read(size)
    if len(octets) != size:
        raise EOFError("the hub went away")
    return octets


def _answer(question: dict[str, Any], content: BinaryIO) -> dict[str, Any]:
    if question["op"] == "pages":
        signal.setitimer(signal.ITIMER_PROF, question["cpu_seconds"])  # nobody handles SIGPROF: it ends the process
        return pdf.pages(content)
    from hub.inspection import pdf_signatures  # most hubs never see a signed PDF, and this is heavy

    signal.setitimer(signal.ITIMER_PROF, question["cpu_seconds"])
    anchors, lists = ([base64.b64decode(text) for text in question[name]] for name in ("anchors", "lists"))
    at = datetime.fromisoformat(question["at"])
    return {"signatures": pdf_signatures.signatures(content, anchors, lists, at)}


if __name__ == "__main__":
    sys.exit(main())
