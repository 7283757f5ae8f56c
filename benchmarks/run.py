"""Measure nurture and the naive peer one after the other and print how they compare.

    python -m benchmarks.run --contacts 2000 --backend both
    python -m benchmarks.run --sides peer --backend sqlite --peer-processes 1 --peer-threads 4 --json

Exits 1 when a side lost or doubled a mail, or did not get through.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.measure import GROUPS, Result, Side, WrongRunError, measure
from benchmarks.ours import Ours
from benchmarks.peer_side import Peer
from benchmarks.servers import BACKENDS, ServerError


def chosen(names: str) -> list[str]:
    """The side names of the command line. Raises ArgumentTypeError for one that is no side."""
    for name in names.split(","):
        if name not in ("ours", "peer"):
            raise argparse.ArgumentTypeError(f"{name!r} is no side; there are ours and peer")
    return names.split(",")


def measure_rounds(
    sides: Sequence[Side], backends: Sequence[str], contacts: int, rounds: int
) -> list[Result]:
    """Every side on every backend; of ``rounds`` alternating runs the one in the middle by speed."""
    results = []
    for backend in backends:
        runs: dict[str, list[Result]] = {side.name: [] for side in sides}
        for _ in range(rounds):
            for side in sides:
                print(f"{side.name} on {backend}: {contacts} contacts", file=sys.stderr)
                runs[side.name].append(measure(side, backend, contacts))
        results += [middle(of_side) for of_side in runs.values()]
    return results


def middle(runs: Sequence[Result]) -> Result:
    """The run with the median speed (the slower of two)."""
    speed = statistics.median_low([run.steps_per_second for run in runs])
    return next(run for run in runs if run.steps_per_second == speed)


def ratios(results: Sequence[Result]) -> dict[str, dict[str, float]]:
    """How many times as fast, and as thrifty with the processor, the first side is as the last."""
    found = {}
    for backend in {result.backend: None for result in results}:
        first, *_, last = (result for result in results if result.backend == backend)
        found[backend] = {
            "steps_per_second": round(first.steps_per_second / last.steps_per_second, 2),
            "cpu_seconds": round(_all_but_sink(last) / _all_but_sink(first), 2),
        }
    return found


def _all_but_sink(result: Result) -> float:
    return sum(result.cpu_per_1000_mails(group) for group in GROUPS if group != "sink")


def table(results: Sequence[Result]) -> Table:
    """One row per side and backend."""
    page = Table(
        title="CPU s: processor seconds per 1,000 mails (elsewhere: in all); MB: peak proportional set size"
    )
    for heading in ("side", "backend"):
        page.add_column(heading)
    numbers = (
        "steps/s",
        "mails/s",
        "seconds",
        *(f"CPU s {group}" for group in GROUPS),
        *(f"MB {group}" for group in GROUPS),
        "CPU s elsewhere",
    )
    for heading in numbers:
        page.add_column(heading, justify="right")
    for result in results:
        page.add_row(
            result.side,
            result.backend,
            f"{result.steps_per_second:,.0f}",
            f"{result.mails_per_second:,.0f}",
            f"{result.seconds:.2f}",
            *(f"{result.cpu_per_1000_mails(group):.2f}" for group in GROUPS),
            *(f"{result.memory.get(group, 0) / 1e6:.0f}" for group in GROUPS),
            f"{result.elsewhere:.1f}",
        )
    return page


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run", description="Measure ours and the naive peer."
    )
    parser.add_argument("--contacts", type=int, default=2000)
    parser.add_argument("--backend", choices=[*BACKENDS, "both"], default="both")
    parser.add_argument("--sides", type=chosen, default="ours,peer", help="default: ours,peer")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each; the middle one is printed")
    for side in ("our", "peer"):
        parser.add_argument(f"--{side}-processes", type=int, help="instead of its best")
        parser.add_argument(f"--{side}-threads", type=int, help="instead of its best")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    options = parser.parse_args()
    sides: dict[str, Side] = {
        "ours": Ours(options.our_processes, options.our_threads),
        "peer": Peer(options.peer_processes, options.peer_threads),
    }
    contestants = [sides[name] for name in options.sides]
    backends = list(BACKENDS) if options.backend == "both" else [options.backend]
    try:
        results = measure_rounds(contestants, backends, options.contacts, options.rounds)
    except (ServerError, WrongRunError) as trouble:
        print(trouble, file=sys.stderr)
        return 1
    compared = ratios(results) if len(contestants) > 1 else {}
    if options.json:
        print(json.dumps({"results": [result.as_json() for result in results], "ratios": compared}, indent=2))
        return 0
    console = Console(width=200) if not sys.stdout.isatty() else Console()
    console.print(table(results))
    for backend, ratio in compared.items():
        first, last = contestants[0].name, contestants[-1].name
        times, thrift = ratio["steps_per_second"], ratio["cpu_seconds"]
        print(f"{backend}: {first} is {times}x as fast and {thrift}x as thrifty as {last}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
