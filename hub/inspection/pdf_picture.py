"""The process that draws page one of a PDF: ``python -m hub.inspection.pdf_picture`` with a socket as standard input.

Drawing is done by a large library in C++ from hostile files, so each picture has a process of its own that can neither
open a file or a socket nor start a program once the library is loaded, with little memory and so much processor time.
The question is a line of JSON (``size``, ``cpu_seconds``) and the octets, the answer a line of JSON: ``png`` in base64,
or ``encrypted`` or ``unreadable`` with the reason.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import signal
import socket
import struct
import sys
import zlib
from typing import Any, BinaryIO, cast

MEMORY = 512 * 1024 * 1024
LONGEST_QUESTION = 4096
# pixels: a page on a screen, and one that its clerk can read when it is opened alone
WIDTH, HEIGHT = 700, 1000
# beyond this the picture is drawn in grey, which stays below what an answer may have
LARGEST_PNG = 700 * 1024
_PASSWORD = 4  # FPDF_ERR_PASSWORD


def main() -> int:
    # loads the library while files can still be opened
    import pypdfium2  # type: ignore[import-untyped]  # the library has no types

    _lock_in()
    with socket.socket(fileno=sys.stdin.fileno()) as connection, connection.makefile("rwb") as stream:
        question = json.loads(stream.readline(LONGEST_QUESTION))
        content = cast(BinaryIO, stream).read(question["size"])
        signal.setitimer(signal.ITIMER_PROF, question["cpu_seconds"])  # nobody handles SIGPROF: it ends the process
        answer = _answer(pypdfium2, content)
        signal.setitimer(signal.ITIMER_PROF, 0)
        stream.write(json.dumps(answer).encode() + b"\n")
    return 0


def _lock_in() -> None:
    """No file, no socket, no other process, no core from here on; fonts that are not in the PDF are the library's.

    Whatever the intake does comes first: pictures can wait.
    """
    os.nice(10)
    limits = [(resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, 0)]
    limits.append((resource.RLIMIT_NPROC, 0))
    if sys.platform == "linux":  # elsewhere it is not enforced, and some systems refuse to set it
        limits.append((resource.RLIMIT_AS, MEMORY))
    for kind, value in limits:
        resource.setrlimit(kind, (value, value))


def _answer(pypdfium2: Any, content: bytes) -> dict[str, Any]:
    try:
        with pypdfium2.PdfDocument(content) as document:
            png = _draw(document, grey=False)
            if len(png) > LARGEST_PNG:
                png = _draw(document, grey=True)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD:
            return {"encrypted": "the PDF opens with a password only"}
        return {"unreadable": str(error)[:200]}
    except MemoryError:
        return {"spent": "memory"}
    except (ValueError, ArithmeticError, IndexError) as error:  # a page of no size, no page at all
        return {"unreadable": f"{type(error).__name__}: {error}"[:200]}
    return {"png": base64.b64encode(png).decode()}


def _draw(document: Any, *, grey: bool) -> bytes:
    """Page one as PNG. Form fields' scripts are not run: the library is built without them, and no form is opened."""
    if len(document) == 0:
        raise ValueError("it has no page")
    page = document[0]
    width, height = page.get_size()
    scale = min(WIDTH / width, HEIGHT / height)
    bitmap = page.render(scale=scale, grayscale=grey, rev_byteorder=True, may_draw_forms=False)
    if bitmap.width > 2 * WIDTH or bitmap.height > 2 * HEIGHT:
        raise ValueError("the page is larger than it says")
    return png_of(memoryview(bitmap.buffer).cast("B"), bitmap.width, bitmap.height, bitmap.stride, bitmap.n_channels)


def png_of(pixels: memoryview, width: int, height: int, stride: int, channels: int) -> bytes:
    """PNG (ISO/IEC 15948) of rows of 8-bit samples, ``channels`` 1 (grey) or 3 (red, green, blue) of each pixel."""
    if channels not in (1, 3):
        raise ValueError(f"{channels} channels")
    rows = bytearray()
    for row in range(height):
        rows += b"\0"  # filter 0: none
        rows += pixels[row * stride : row * stride + width * channels]
    head = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, octets) for kind, octets in chunks)


def _chunk(kind: bytes, octets: bytes) -> bytes:
    return struct.pack(">I", len(octets)) + kind + octets + struct.pack(">I", zlib.crc32(kind + octets))


if __name__ == "__main__":
    sys.exit(main())
