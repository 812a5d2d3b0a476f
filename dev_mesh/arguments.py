"""The flags of `python -m dev_mesh`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from dev_mesh.options import Store
from dev_mesh.ports import describe_ports
from dev_mesh.settings import known_names


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command and its flags; `up` when none is named. Ends the process with 2 for wrong ones, 0 after --help."""
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in {"-h", "--help"}):
        arguments = ["up", *arguments]
    return _parser().parse_args(arguments)


def _parser() -> argparse.ArgumentParser:
    as_written = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "python -m dev_mesh",
        description="Run the whole mesh on this machine. `up` is the command when none is named.",
        epilog=describe_ports(),
        formatter_class=as_written,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    folder = argparse.ArgumentParser(add_help=False)
    folder.add_argument("--data-dir", type=Path, default=Path(".data"), help="folder of all data (default .data)")

    command = commands.add_parser(
        "up",
        parents=[folder],
        help="start everything, until Ctrl-C",
        epilog=describe_ports(),
        formatter_class=as_written,
    )
    command.add_argument(
        "--edge-port", type=_count, default=8080, help="port of the edge; the others follow it (default 8080)"
    )
    command.add_argument("--replicas", type=_count, default=1, help="processes of each service (default 1)")
    command.add_argument(
        "--store",
        choices=get_args(Store),
        default="sqlite",
        help="where the stores are: files of SQLite, or a real Cassandra that is started too and needs Java 17 and,"
        " at the first time, Maven (default sqlite)",
    )
    command.add_argument(
        "--cassandra-nodes",
        type=int,
        choices=(1, 3),
        default=1,
        help="nodes of that Cassandra, at 127.0.0.1 to .3; of 3 each has all rows, and one may be gone (default 1)",
    )
    command.add_argument("--no-tour", action="store_true", help="do not show the tour on fresh data")
    command.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="AVIARY_NAME=VALUE",
        help="a setting for every process, see docs/operations.md; repeatable",
    )

    for name, what in (("stop", "hold a process down"), ("start", "let it run again, and wait until it is ready")):
        command = commands.add_parser(name, parents=[folder], help=what)
        command.add_argument("name", help="a process, such as nats, or a service: all its processes")
    commands.add_parser("status", parents=[folder], help="show every process")
    command = commands.add_parser("token", parents=[folder], help="print an operator's token, good for 15 minutes")
    command.add_argument("--scope", action="append", default=[], help="such as mesh:admin; repeatable")
    commands.add_parser("tour", parents=[folder], help="show the main job through the edge")
    _add_seed(commands.add_parser("seed", parents=[folder], help="fill a running mesh with people and posts"))
    commands.add_parser("clean-data", parents=[folder], help="delete the data of a mesh that does not run")
    return parser


def _add_seed(command: argparse.ArgumentParser) -> None:
    command.add_argument("--graph", type=Path, help='file of follows, "a b" a line; default: a made power-law graph')
    command.add_argument("--undirected", action="store_true", help="each line of the file is two follows")
    command.add_argument("--users", type=_count, help="people (default 200, or all of the file)")
    command.add_argument("--posts", type=_count, default=1000, help="posts (default 1000)")


def _count(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or not 1 <= int(text[:10]) <= 10_000_000:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number from 1 up")
    return int(text)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form AVIARY_NAME=VALUE")
    if name not in known_names():
        raise argparse.ArgumentTypeError(f"no process has a setting {name!r}; see docs/operations.md")
    return name, value
