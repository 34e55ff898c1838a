"""Memory: what one long document took must not stay with the process, what the hub is made of is not looked through.

glibc takes blocks above a threshold from the system one by one, and gives them back when they are freed; but the first
long one that is freed raises the threshold up to 32 MiB, and from then on such blocks stay in the heap. Fixed
thresholds keep it from doing so (mallopt(3)).
"""

from __future__ import annotations

import ctypes
import gc

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# above what an ordinary letter needs, whose blocks are better kept at hand
_LONG = 2 * 1024 * 1024
_KEPT = 16 * 1024 * 1024


def give_back() -> None:
    """For a process that judges documents; without effect where the C library is another."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LONG)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)


def settle() -> None:
    """For a process that has been put together: what it is made of stays until it ends, and collecting garbage passes
    it by. A full look at it took a tenth of a second, and every letter under way waited."""
    gc.collect()
    gc.freeze()
