"""What was aimed at, beside what this run shows. Every figure is a ratio within a round; rounds give a range."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.letters import FANNED, HEADLINE
from bench.pairs import Contestant, Round, Turn


@dataclass(frozen=True, slots=True)
class Goal:
    """``at_least``: more is better; else less is. ``figures``: one a round."""

    name: str
    must: float
    aim: float
    at_least: bool
    figures: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.figures)

    def meets(self, limit: float) -> bool:
        return self.median >= limit if self.at_least else self.median <= limit

    @property
    def verdict(self) -> str:
        return "aim" if self.meets(self.aim) else "must" if self.meets(self.must) else "MISSED"


def _ratios(
    rounds: Sequence[Round],
    upper: Contestant,
    lower: Contestant,
    of: Callable[[Turn], float],
    below: Callable[[Turn], float] | None = None,
) -> tuple[float, ...]:
    """``of`` one contestant's turn over another's (or over ``below`` of it), in each round that has both."""
    value = below or of
    return tuple(of(one[upper]) / value(one[lower]) for one in rounds if upper in one and lower in one)


def done(turn: Turn) -> float:
    return turn.flow.per_second


def deliveries(turn: Turn) -> float:
    return turn.flow.deliveries_per_second


def total_cpu(turn: Turn) -> float:
    """Everybody but the driver."""
    return sum(turn.flow.cpu_ms.values())


def accepting_cpu(turn: Turn) -> float:
    """Of the process that accepts, per envelope accepted while nobody takes."""
    return next(turn.intake.cpu_ms[name] for name in ("gateway", "serve", "up") if name in turn.intake.cpu_ms)


def accept_spread(turn: Turn) -> float:
    """p99 over p50 of accepting under arrivals at a fixed rate."""
    assert turn.open_loop is not None
    return turn.open_loop.accept.p99 / turn.open_loop.accept.p50


def from_rounds(rounds: Sequence[Round], engine: str) -> list[Goal]:
    """The goals that rounds can tell of; ``engine`` is the one of the headline. Those without figures are left out."""
    here, floor, filed = (engine, HEADLINE), ("floor", HEADLINE), ("floor, files", HEADLINE)
    spread = tuple(accept_spread(one[here]) for one in rounds if here in one and one[here].open_loop)
    found = [
        Goal(f"end to end, {engine} / floor", 0.5, 0.7, True, _ratios(rounds, here, floor, done)),
        Goal(f"end to end, {engine} / floor with files", 0.5, 0.7, True, _ratios(rounds, here, filed, done)),
        Goal("gateway CPU to accept, serve / floor", 2.0, 1.5, False, _accepting(rounds, floor)),
        Goal("gateway CPU to accept, serve / floor with files", 2.0, 1.5, False, _accepting(rounds, filed)),
        Goal("p99/p50 of accept, 16 connections", 5.0, 3.0, False, spread),
        Goal(
            "deliveries/s at fan-out 26 / envelopes/s at 1",
            4.0,
            8.0,
            True,
            _ratios(rounds, (engine, FANNED), here, deliveries, done),
        ),
        Goal(
            "end to end, embedded / production", 0.25, 0.25, True, _ratios(rounds, ("embedded", HEADLINE), here, done)
        ),
    ]
    return [goal for goal in found if goal.figures]


def _accepting(rounds: Sequence[Round], floor: Contestant) -> tuple[float, ...]:
    """A process that only serves is the floor's gateway's like; one process with all roles in it is not."""
    return _ratios(rounds, ("roles", HEADLINE), floor, accepting_cpu)


def others(rounds: Sequence[Round]) -> dict[str, tuple[float, ...]]:
    """Ratios that no goal names: every engine's rate and whole processor time against both floors."""
    engines = sorted({engine for one in rounds for engine, kind in one if kind == HEADLINE})
    told = {}
    for engine in engines:
        for floor in (one for one in ("floor", "floor, files") if one != engine and not engine.startswith("floor")):
            pair = (engine, HEADLINE), (floor, HEADLINE)
            told[f"end to end, {engine} / {floor}"] = _ratios(rounds, *pair, done)
            told[f"CPU of all per envelope, {engine} / {floor}"] = _ratios(rounds, *pair, total_cpu)
    return {name: figures for name, figures in told.items() if figures}


def line(name: str, figures: Sequence[float]) -> str:
    return f"{name:<52} {statistics.median(figures):6.2f}  ({min(figures):.2f} to {max(figures):.2f})"


def goal_line(goal: Goal) -> str:
    sign = ">=" if goal.at_least else "<="
    return f"{line(goal.name, goal.figures)}  must {sign} {goal.must:g}, aim {sign} {goal.aim:g}: {goal.verdict}"
