"""Reading a PDF with pypdf: how many pages. Called in the worker process only."""

from __future__ import annotations

import logging
from typing import Any, BinaryIO

from pypdf import PdfReader
from pypdf.errors import PyPdfError

# whatever a parser may raise on hostile input; running out of memory and time ends the process instead
PARSING = (PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError)
PARSING_MORE = (ArithmeticError, AssertionError, NotImplementedError, OSError, EOFError)
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def pages(content: BinaryIO) -> dict[str, Any]:
    """``{"pages": n}``, ``{"encrypted": reason}`` when it does not open without a password, ``{"unreadable": reason}``.

    The page tree is walked: the number that it declares is not believed.
    """
    try:
        reader = PdfReader(content, strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            return {"encrypted": "the PDF opens with a password only"}
        count = len(reader.pages)
    except (*PARSING, *PARSING_MORE) as error:
        return {"unreadable": f"{type(error).__name__}: {error}"[:200]}
    return {"pages": count} if count else {"unreadable": "it has no page"}
