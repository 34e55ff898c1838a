"""The table that people read."""

from __future__ import annotations

from bench.measuring import WINDOW_SECONDS, WINDOWS, Figures

_COLUMNS = (
    ("engine", 14),
    ("letter", 10),
    ("accepted/s", 10),
    ("end to end/s", 18),
    ("deliveries/s", 12),
    ("s p50/p95", 11),
    ("foreign", 7),
)


def heading() -> str:
    first = "  ".join(f"{name:<{width}}" for name, width in _COLUMNS) + "  CPU ms per envelope"
    return f"{first}\n{'-' * len(first)}"


def row(figures: Figures) -> str:
    cells = (
        figures.engine,
        figures.letter,
        f"{figures.accepted_per_second:.0f}",
        f"{figures.end_to_end_per_second:.0f} ({figures.lowest:.0f}-{figures.highest:.0f})",
        f"{figures.deliveries_per_second:.0f}",
        f"{figures.median_seconds:.2f}/{figures.slow_seconds:.2f}",
        f"{100 * figures.foreign_load:.0f} %",
    )
    text = "  ".join(f"{cell:<{width}}" for cell, (_, width) in zip(cells, _COLUMNS, strict=True))
    used = {**figures.cpu_ms, "driver": figures.driver_cpu_ms}
    total = sum(figures.cpu_ms.values())
    return f"{text}  hub {total:.2f}: " + ", ".join(f"{name} {value:.2f}" for name, value in used.items())


def notes() -> str:
    return (
        "end to end: accepted, taken with its content, digest compared, settled by every recipient, over HTTP;\n"
        f"median of {WINDOWS} windows of {WINDOW_SECONDS:.0f} s (lowest-highest). accepted: intake alone.\n"
        "The driver shares the processors with the hub; its own time is not in the hub's sum. up: all roles in one\n"
        "process. s p50/p95: from acceptance to the last settlement, at full load. foreign: share of the machine\n"
        "that other programs took."
    )
