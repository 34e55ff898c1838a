"""``python -m bench``: hubs against the floor in alternated rounds, then a table of all sizes and fan-outs; JSON too.

Without options everything, in about a quarter of an hour. ``--pairs N`` alone: only so many rounds. ``--engine``,
``--size``, ``--fan-out`` alone: only these cases of the table; with ``--pairs`` only these in the rounds.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import cases, goals, statements, table
from bench.cases import Case
from bench.goals import Goal
from bench.hubs import ENGINES, Services
from bench.letters import FAN_OUTS, FANNED, HEADLINE, KINDS, SIZES, Kind, Stationery
from bench.machine import describe
from bench.pairs import SECONDS, Contestant, Round, play

PAIRS = 5
# as deploy/ has it: a process for each role; the other one has them all in one
HEADLINE_ENGINE, OTHER_ENGINE = "roles", "production"
CONTESTANTS: tuple[Contestant, ...] = (
    (HEADLINE_ENGINE, HEADLINE),
    ("floor", HEADLINE),
    (OTHER_ENGINE, HEADLINE),
    ("floor, files", HEADLINE),
    ("embedded", HEADLINE),
    (HEADLINE_ENGINE, FANNED),
)
ELSEWHERE = ("verification", "relaying", "peers", "memory", "growth", "shapes")
FEW_KINDS = (HEADLINE, FANNED)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", choices=ENGINES, action="append", help="again for more")
    parser.add_argument("--size", choices=SIZES, action="append", help="size of the letters; again for more")
    parser.add_argument("--fan-out", type=int, choices=FAN_OUTS, action="append", help="recipients of a letter")
    parser.add_argument("--pairs", type=int, metavar="N", help=f"rounds against the floor; {PAIRS} by default")
    parser.add_argument("--table", action="store_true", help="the table too, where --pairs was given")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long a window of full flow is")
    parser.add_argument("--json", type=Path, metavar="FILE", default=Path("bench.json"), help="bench.json by default")
    return parser.parse_args()


def chosen_kinds(chosen: argparse.Namespace) -> list[Kind]:
    sizes = [SIZES[name] for name in chosen.size or SIZES]
    return [kind for kind in KINDS if kind.octets in sizes and kind.fan_out in (chosen.fan_out or FAN_OUTS)]


def contestants(chosen: argparse.Namespace) -> tuple[Contestant, ...]:
    """All of the headline, or what was asked for with both floors."""
    if not (chosen.engine or chosen.size or chosen.fan_out):
        return CONTESTANTS
    engines = [*(chosen.engine or (HEADLINE_ENGINE, OTHER_ENGINE))]
    engines += [floor for floor in ("floor", "floor, files") if floor not in engines]
    kinds = chosen_kinds(chosen) if chosen.size or chosen.fan_out else [HEADLINE]
    return tuple((engine, kind) for kind in kinds for engine in engines)


def table_plan(chosen: argparse.Namespace) -> list[tuple[str, Sequence[Kind]]]:
    """Every kind on the headline's engine, and small letters on the others."""
    if chosen.engine or chosen.size or chosen.fan_out:
        return [(engine, chosen_kinds(chosen)) for engine in chosen.engine or (HEADLINE_ENGINE,)]
    return [(HEADLINE_ENGINE, KINDS), (OTHER_ENGINE, FEW_KINDS), ("embedded", FEW_KINDS)]


def show_goals(found: Sequence[Goal], told: dict[str, tuple[float, ...]]) -> None:
    print("\nratios within a round: median (lowest to highest)")
    for name, figures in told.items():
        print(goals.line(name, figures))
    print("\ngoals")
    for goal in found:
        print(goals.goal_line(goal))
    print("goals with commands of their own: " + ", ".join(f"python -m bench.{name}" for name in ELSEWHERE))


def run_pairs(chosen: argparse.Namespace, services: Services, stationery: Stationery) -> tuple[list[Round], list[Goal]]:
    print("\n" + table.turn_heading(), flush=True)
    rounds = play(
        contestants(chosen),
        PAIRS if chosen.pairs is None else chosen.pairs,
        services,
        stationery,
        lambda turn: print(table.turn_row(turn), flush=True),
        chosen.seconds,
    )
    engines = {engine for engine, _ in contestants(chosen)}
    engine = HEADLINE_ENGINE if HEADLINE_ENGINE in engines else next(iter(chosen.engine))
    found = goals.from_rounds(rounds, engine)
    asked = statements.measure(services, stationery)
    print("\n" + statements.shown(asked))
    found.append(statements.goal(asked))
    show_goals(found, goals.others(rounds))
    return rounds, found


def as_json(machine: dict[str, str], rounds: Sequence[Round], found: Sequence[Goal], rows: Sequence[Case]) -> Any:
    return {
        "machine": machine,
        "goals": [{**asdict(goal), "median": goal.median, "verdict": goal.verdict} for goal in found],
        "ratios": goals.others(rounds),
        "rounds": [[asdict(turn) for turn in one.values()] for one in rounds],
        "table": [asdict(row) for row in rows],
    }


def main() -> int:
    chosen = arguments()
    everything = not (chosen.engine or chosen.size or chosen.fan_out)
    machine = describe()
    for name, value in machine.items():
        print(f"{name + ':':12} {value}")
    rounds: list[Round] = []
    found: list[Goal] = []
    rows: list[Case] = []
    stationery = Stationery()

    def show(case: Case) -> None:
        rows.append(case)
        print(table.case_row(case), flush=True)

    try:
        with ExitStack() as stack:
            services = Services(stack)
            if chosen.pairs or (chosen.pairs is None and everything):
                rounds, found = run_pairs(chosen, services, stationery)
            if chosen.pairs is None or chosen.table:
                print("\n" + table.case_heading(), flush=True)
                cases.run(table_plan(chosen), services, stationery, chosen.seconds, show)
    finally:  # what was measured before something failed is not lost
        figures = as_json(machine, rounds, found, rows)
        chosen.json.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    print("\n" + table.notes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
