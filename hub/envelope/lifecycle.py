"""The life of a delivery: legal moves, who makes them, who rescues after a crash.

state     | moved on by                     | rescued by
----------|---------------------------------|-----------------------------------------------
pending   | relay, when the broker confirms | relay: the outbox row stays until then
published | courier, when it takes over     | sweep: publishes again what nobody took over
ready     | the recipient's system (lease)  | nothing to rescue: it stands in the ledger
leased    | settle, refuse, release         | the lease's end: it may be taken again
settled, refused, dead, withdrawn: final

A courier may be faster than the relay's own mark: pending → ready is legal, the late mark finds nothing to do.
"""

from __future__ import annotations

MOVES: dict[str, frozenset[str]] = {
    "pending": frozenset({"published", "ready", "dead", "withdrawn"}),
    "published": frozenset({"ready", "dead", "withdrawn"}),
    "ready": frozenset({"leased", "dead", "withdrawn"}),
    "leased": frozenset({"leased", "ready", "settled", "refused", "dead"}),
    "settled": frozenset(),
    "refused": frozenset(),
    "dead": frozenset(),
    "withdrawn": frozenset(),
}

FINAL = frozenset(state for state, moves in MOVES.items() if not moves)


def before(state: str) -> tuple[str, ...]:
    """The states from which ``state`` may be reached, for the WHERE of a statement that moves there."""
    return tuple(sorted(origin for origin, moves in MOVES.items() if state in moves))
