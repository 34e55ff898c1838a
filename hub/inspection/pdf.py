"""Reading a PDF with pypdf: how many pages. Called in the worker process only."""

from __future__ import annotations

import logging
from typing import Any, BinaryIO

from pypdf import PdfReader, apply_configuration
from pypdf.errors import PyPdfError

# whatever a parser may raise on hostile input; running out of memory and time ends the process instead
PARSING = (PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError)
PARSING_MORE = (ArithmeticError, AssertionError, NotImplementedError, OSError, EOFError)
# of one stream: cross-references and object streams, which counting pages reads, are never as long
INFLATED = 24 * 1024 * 1024
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def pages(content: BinaryIO) -> dict[str, Any]:
    """``{"pages": n}``, ``{"encrypted": reason}`` when it does not open without a password, ``{"unreadable": reason}``.

    The page tree is walked: the number that it declares is not believed.
    """
    limits = apply_configuration(
        zlib_maximum_output_length=INFLATED,
        lzw_maximum_output_length=INFLATED,
        run_length_maximum_output_length=INFLATED,
        array_based_stream_maximum_output_length=INFLATED,
        stream_decoding_work_maximum_length=2 * INFLATED,
    )
    try:
        with limits:
            reader = PdfReader(content, strict=False)
            if reader.is_encrypted and not reader.decrypt(""):
                return {"encrypted": "the PDF opens with a password only"}
            count = len(reader.pages)
    except (*PARSING, *PARSING_MORE) as error:
        return {"unreadable": f"{type(error).__name__}: {error}"[:200]}
    return {"pages": count} if count else {"unreadable": "it has no page"}
