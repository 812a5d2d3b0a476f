"""`python -m tests.faults.chaos`: hold the bars on meshes of real processes, several at a time, and print one table."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from mesh.clock import SystemClock
from tests.faults.chaos.bar import Bar, Scale
from tests.faults.chaos.bars import BARS, FEWER_ON_CASSANDRA, ONLY_ON, SLOW_ON_CASSANDRA
from tests.faults.chaos.hold import cpu_seconds, hold
from tests.faults.chaos.lanes import Ended, hold_all
from tests.faults.chaos.prepared_store import prepare
from tests.support.free_ports import keep_to

INTERRUPTED = 130


def main() -> int:
    """Parse the flags and hold the bars. Returns the exit code: 0 when all were held, 1 when one was not."""
    flags = _flags()
    if flags.out is not None:
        flags.out.mkdir(parents=True, exist_ok=True)
    _end_on_signals()
    chosen = [bar for bar in BARS if not flags.bar or bar.number in flags.bar]
    seed = secrets.randbelow(1_000_000) if flags.seed is None else flags.seed
    if flags.lane is None:
        print(f"seed {seed}, scale {flags.scale}, store {flags.store}", flush=True)
    try:
        if len(chosen) == 1:
            return _hold_here(chosen[0], flags, seed)
        return _hold_many(chosen, flags, seed)
    except KeyboardInterrupt:
        print("interrupted; every mesh has ended", file=sys.stderr)
        return INTERRUPTED


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description=__doc__)
    add = parser.add_argument
    scales = [scale.value for scale in Scale]
    add("--scale", choices=scales, default=Scale.CI.value, help="how much of it (default ci)")
    add("--store", choices=("sqlite", "cassandra"), default="sqlite", help="default sqlite")
    add("--bar", action="append", choices=[bar.number for bar in BARS], help="only this; repeatable")
    add("--seed", type=int, help="who does what, and what befalls whom (default: a new one, told)")
    add("--out", type=Path, help="a folder for each bar's figures as JSON, and what else it keeps")
    add(
        "--jobs",
        type=int,
        choices=range(1, 9),
        default=3,
        metavar="N",
        help="so many bars at a time, each on a mesh of its own; those that compare times are alone (default 3)",
    )
    # Of a bar that is held as one of many: which lane it is in, and the folder of a Cassandra that has its tables.
    add("--lane", type=int, help=argparse.SUPPRESS)
    add("--prepared", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _end_on_signals() -> None:
    """SIGINT and SIGTERM unwind what runs, also where a shell has this process ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


def _hold_here(bar: Bar, flags: argparse.Namespace, seed: int) -> int:
    # What runs in this process is in trouble on purpose, and would say so.
    logging.basicConfig(level=logging.ERROR)
    if flags.lane is None:
        print(f"{bar.number}  {bar.title}", flush=True)
    else:
        keep_to(flags.lane, flags.jobs)
    is_held = hold(bar, seed=seed, scale=Scale(flags.scale), store=flags.store, out=flags.out, prepared=flags.prepared)
    return 0 if is_held else 1


def _hold_many(chosen: Sequence[Bar], flags: argparse.Namespace, seed: int) -> int:
    clock = SystemClock()
    began, load = clock.monotonic(), os.getloadavg()[0]
    why_not = {bar.number: _why_not(bar, flags) for bar in chosen}
    with ExitStack() as stack:
        prepared = None
        if flags.store == "cassandra":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aviary-chaos-prepared-")))
            prepared = prepare(folder)

        def command(bar: Bar, lane: int) -> list[str]:
            words = [sys.executable, "-m", "tests.faults.chaos", "--bar", bar.number, "--seed", str(seed)]
            is_fewer = flags.store == "cassandra" and bar.number in FEWER_ON_CASSANDRA and flags.scale == Scale.CI.value
            words += [
                "--scale",
                Scale.QUICK.value if is_fewer else flags.scale,
                "--store",
                flags.store,
                "--lane",
                str(lane),
                "--jobs",
                str(flags.jobs),
            ]
            words += ["--out", str(flags.out)] if flags.out else []
            return words + (["--prepared", str(prepared)] if prepared else [])

        held = [bar for bar in chosen if not why_not[bar.number]]
        ended = asyncio.run(hold_all(held, command, lanes=flags.jobs))
    _print_table(chosen, ended, why_not)
    took = clock.monotonic() - began
    are_held = [one.is_held for one in ended.values()]
    print(
        f"{sum(are_held)} of {len(are_held)} bars held in {took / 60:.1f} minutes, {flags.jobs} at a time;"
        f" {sum(one.seconds for one in ended.values()) / 60:.1f} one after the other, {cpu_seconds() / 60:.1f}"
        f" of a core. {os.cpu_count()} cores, load {load:.1f} before. Again with --seed {seed}"
    )
    return 0 if all(are_held) else 1


def _why_not(bar: Bar, flags: argparse.Namespace) -> str:
    """Why it is not held in this run; "" when it is."""
    if ONLY_ON.get(bar.number, flags.store) != flags.store:
        return f"of {ONLY_ON[bar.number]} alone"
    is_quick = bar.is_quick and not (flags.store == "cassandra" and bar.number in SLOW_ON_CASSANDRA)
    if not is_quick and not flags.bar and flags.scale == Scale.QUICK.value:
        return "not at this scale"
    return ""


def _print_table(chosen: Sequence[Bar], ended: Mapping[str, Ended], why_not: Mapping[str, str]) -> None:
    print()
    for bar in chosen:
        one = ended.get(bar.number)
        seconds = f"{one.seconds:5.0f} s" if one else ""
        result = why_not[bar.number] or ("held" if one and one.is_held else "NOT HELD")
        print(f"{bar.number}  {seconds:>7}  {result:<17}  {bar.title}")


if __name__ == "__main__":
    sys.exit(main())
