"""`python -m dev_mesh.cassandra`: a real Cassandra on this machine, until Ctrl-C or `stop`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import get_args

from dev_mesh.cassandra.cluster import CommitlogSync, LocalCluster, OtherCluster
from dev_mesh.cassandra.fetch import FetchFailed
from dev_mesh.cassandra.machine import ToolMissing
from dev_mesh.cassandra.up import DidNotStop, stop, up
from dev_mesh.child import StartFailed
from dev_mesh.lock import AlreadyRunning
from dev_mesh.mesh_file import NotRunning
from dev_mesh.ports import PortTaken
from dev_mesh.supervisor import NotReady
from mesh.clock import SystemClock

FAILED, CANNOT_START = 1, 2
CANNOT = (AlreadyRunning, FetchFailed, NotReady, OSError, OtherCluster, PortTaken, StartFailed, ToolMissing, ValueError)


def main(arguments: list[str]) -> int:
    """Carry out one command. Returns the exit code: 0 done, 1 not stopped, 2 wrong flags or cannot start."""
    flags = _parser().parse_args(arguments)
    home: Path = flags.data_dir.resolve()
    try:
        if flags.command == "stop":
            stop(home, clock=SystemClock())
        else:
            up(_cluster(flags, home), clock=SystemClock(), say=lambda text: print(text, flush=True))
    except (NotRunning, DidNotStop) as failure:
        print(f"dev_mesh.cassandra: {failure}", file=sys.stderr)
        return FAILED
    except CANNOT as failure:
        print(f"dev_mesh.cassandra: {failure}", file=sys.stderr)
        return CANNOT_START
    return 0


def _cluster(flags: argparse.Namespace, home: Path) -> LocalCluster:
    return LocalCluster(
        home,
        nodes=flags.nodes,
        port=flags.port,
        storage_port=flags.storage_port,
        network=flags.network,
        prefix=flags.prefix,
        commitlog_sync=flags.commitlog_sync,
        heap_megabytes=flags.heap,
        jmx_port=flags.jmx_port,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m dev_mesh.cassandra",
        description="Run a real Cassandra on this machine. It needs Java 17 and, at the first time, Maven.",
        epilog="`python -m dev_mesh.cassandra.fetch` fetches what it runs on ahead of time.",
    )
    folder = argparse.ArgumentParser(add_help=False)
    folder.add_argument(
        "--data-dir", type=Path, required=True, default=argparse.SUPPRESS, help="folder of data, logs and passwords"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    shown = argparse.ArgumentDefaultsHelpFormatter
    up_flags = commands.add_parser("up", parents=[folder], formatter_class=shown, help="start it, until Ctrl-C")
    add = up_flags.add_argument
    add("--nodes", type=int, choices=(1, 3), default=1, help="with three, every row is kept by all of them")
    add("--port", type=int, default=9042, help="where all nodes listen for clients")
    add("--storage-port", type=int, default=7000, help="where they listen for each other")
    add("--network", default="127.0.0", help="begins the nodes' addresses, which end with .1, .2 and .3")
    add("--prefix", default="aviary", help="begins the names of keyspaces and roles")
    add("--heap", type=int, default=512, metavar="MB", help="memory for the Java heap of each node")
    add(
        "--commitlog-sync",
        choices=get_args(CommitlogSync),
        default="group",
        help="when a write is acknowledged: group and batch once it is on disk, periodic before (it loses rows)",
    )
    add(
        "--jmx-port", type=int, default=0, metavar="PORT", help="for nodetool: this port of 127.0.0.1, and the next two"
    )
    commands.add_parser("stop", parents=[folder], help="end the one that runs on that folder, and wait for it")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
