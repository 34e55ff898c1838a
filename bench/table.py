"""The tables that people read."""

from __future__ import annotations

from collections.abc import Mapping

from bench.cases import Case
from bench.driver import POSTING, RECEIPTS_REST_SECONDS
from bench.letters import FEW, FEW_SYSTEMS, RECEIVING_SYSTEMS, RECIPIENTS
from bench.measuring import OPEN_LOOP_SHARE, Percentiles
from bench.pairs import Turn

_CASE = (
    ("engine", 14),
    ("letter", 12),
    ("accepted/s", 10),
    ("done/s", 7),
    ("deliv./s", 8),
    ("accept ms", 15),
    ("deliverable ms", 15),
    ("receipt ms", 15),
    ("n", 5),
    ("foreign", 7),
)
_TURN = (("engine", 14), ("letter", 10), ("accepted/s", 10), ("done/s", 7), ("deliv./s", 8), ("foreign", 7))


def _line(columns: tuple[tuple[str, int], ...], cells: tuple[str, ...]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, (_, width) in zip(cells, columns, strict=True))


def case_heading() -> str:
    first = _line(_CASE, tuple(name for name, _ in _CASE)) + "  CPU ms per envelope; peak MiB"
    return f"{first}\n{'-' * len(first)}"


def case_row(case: Case) -> str:
    opened = case.open_loop
    cells = (
        case.engine,
        case.kind.name,
        _rate(case.intake.per_second),
        _rate(case.flow.per_second),
        _rate(case.flow.deliveries_per_second),
        _milliseconds(opened.accept),
        _milliseconds(opened.deliverable),
        _milliseconds(opened.receipted),
        str(opened.accept.samples),
        f"{100 * case.flow.foreign_load:.0f} %",
    )
    late = f"; open loop {opened.late:.1f} s late" if opened.late > 1 else ""
    memory = ", ".join(f"{name} {value:.0f}" for name, value in case.peak_mib.items())
    return f"{_line(_CASE, cells)}  {_cpu(case.flow.cpu_ms, case.flow.driver_cpu_ms)}; MiB {memory}{late}"


def turn_heading() -> str:
    first = _line(_TURN, tuple(name for name, _ in _TURN)) + "  CPU ms per envelope; to accept alone"
    return f"{first}\n{'-' * len(first)}"


def turn_row(turn: Turn) -> str:
    cells = (
        turn.engine,
        turn.kind.name,
        _rate(turn.intake.per_second),
        _rate(turn.flow.per_second),
        _rate(turn.flow.deliveries_per_second),
        f"{100 * turn.flow.foreign_load:.0f} %",
    )
    accepting = ", ".join(f"{name} {value:.2f}" for name, value in turn.intake.cpu_ms.items())
    return f"{_line(_TURN, cells)}  {_cpu(turn.flow.cpu_ms, turn.flow.driver_cpu_ms)}; {accepting}"


def _rate(value: float) -> str:
    return f"{value:.0f}" if value >= 20 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _milliseconds(found: Percentiles | None) -> str:
    return "-" if found is None else "/".join(f"{value:.0f}" for value in (found.p50, found.p95, found.p99))


def _cpu(by_process: Mapping[str, float], driver: float) -> str:
    parts = ", ".join(f"{name} {value:.2f}" for name, value in by_process.items())
    return f"sum {sum(by_process.values()):.2f}: {parts}; driver {driver:.2f}"


def notes() -> str:
    share = f"{100 * OPEN_LOOP_SHARE:.0f} %"
    few = f"{FEW} agencies at {FEW_SYSTEMS} systems"
    wide = f"{len(RECIPIENTS)} at {len(RECEIVING_SYSTEMS)}"
    return f"""\
done/s: accepted, taken with its content, digest compared, settled, its receipts read by the sender, over HTTP, in a
  closed loop; of the floor: consumed, recorded, acknowledged. accepted/s: posted while nobody takes.
accept/deliverable/receipt ms: p50/p95/p99 at {share} of done/s, arrivals at a fixed rate over {POSTING} connections.
  accept: from the intended start to the answer; deliverable: from that answer until an inbox's long poll has it;
  receipt: until the sender, who asks and rests {RECEIPTS_REST_SECONDS} s, has the delivery receipt; n: letters. With
  few letters a p99 is the slowest. Long letters and wide circulars are few; their windows are half as long again.
Letters to 1 or {FEW} go to {few}, circulars to {wide}. A system fetches an envelope
  once and settles for each of its agencies. Letters are signed with P-256 and posted whole; the client library would
  send attachments from 8 MiB beside the document.
production: one process with PostgreSQL and RabbitMQ; roles: the same as four; embedded: one with SQLite alone; floor:
  bench/floor, octets in the row; floor, files: octets in synced files, as the hub. Who does not have the turn stands
  still. The driver shares the processors; its time is not in the sum. foreign: the machine's share others took."""
