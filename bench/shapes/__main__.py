"""``python -m bench.shapes ramp|drain|soak``: one shape of load on one engine; exit 1 when a demand was not held."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import uvloop

from bench.letters import Stationery
from bench.machine import describe
from bench.shapes.drain import drain
from bench.shapes.ramp import ramp
from bench.shapes.soak import soak
from bench.shapes.stage import ENGINES, Stage, running
from bench.shapes.verdict import Demand, pronounce

Run = Coroutine[Any, Any, tuple[list[Demand], dict[str, Any]]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.shapes", description=__doc__)
    parser.add_argument("shape", choices=("ramp", "drain", "soak"))
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0], help="production: all roles in one process")
    parser.add_argument("--seconds", type=float, default=8.0, help="of a step of the ramp")
    parser.add_argument("--letters", type=int, default=20_000, help="that pile up before the drain")
    parser.add_argument("--minutes", type=float, default=5.0, help="of the soak; --minutes 480 is a working day")
    parser.add_argument("--every", type=float, default=60.0, help="seconds between two reports of the soak")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    return parser.parse_args()


def shape(chosen: argparse.Namespace, stage: Stage, stationery: Stationery) -> Run:
    match chosen.shape:
        case "ramp":
            return ramp(stage, stationery, chosen.seconds)
        case "drain":
            return drain(stage, stationery, chosen.letters)
        case _:
            return soak(stage, stationery, chosen.minutes, chosen.every)


def main() -> int:
    chosen = arguments()
    # a hub that was started must not outlive a run that is ended
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    machine = describe()
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    print(f"engine: {chosen.engine}", flush=True)
    stationery = Stationery()
    with running(chosen.engine, stationery) as stage:
        demands, figures = uvloop.run(shape(chosen, stage, stationery))
    code = pronounce(demands)
    if chosen.json:
        figures |= {"machine": machine, "shape": chosen.shape, "engine": chosen.engine}
        figures["held"] = {demand.what: demand.holds for demand in demands}
        chosen.json.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
