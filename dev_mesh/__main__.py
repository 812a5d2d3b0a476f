"""`python -m dev_mesh`: what each command does."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from pathlib import Path

from dev_mesh.arguments import parse
from dev_mesh.control import Refused, ask
from dev_mesh.graph import BadGraph, made_graph, read_graph
from dev_mesh.keys import operator_token
from dev_mesh.lock import FILE, AlreadyRunning, only_mesh
from dev_mesh.mesh_file import NotRunning, read_mesh_file
from dev_mesh.options import Options
from dev_mesh.seed import SeedFailed, seed
from dev_mesh.tour import TourFailed, tour
from dev_mesh.up import say, up
from mesh.clock import SystemClock

PEOPLE_OF_A_MADE_GRAPH = 200


def main(arguments: list[str]) -> int:
    """Carry out one command. Returns the exit code: 0 done, 1 refused or failed, 2 wrong flags or cannot start."""
    flags = parse(arguments)
    data_dir: Path = flags.data_dir.resolve()
    try:
        match flags.command:
            case "up":
                return up(_options(flags, data_dir), clock=SystemClock())
            case "stop" | "start":
                print(ask(data_dir, flags.command, flags.name))
            case "status":
                print(ask(data_dir, "status"))
            case "token":
                print(operator_token(data_dir, scopes=flags.scope, clock=SystemClock()))
            case "tour":
                asyncio.run(tour(read_mesh_file(data_dir).edge, say))
            case "seed":
                _seed(flags, data_dir)
            case "clean-data":
                _clean_data(data_dir)
    except (NotRunning, AlreadyRunning, Refused, TourFailed, SeedFailed, BadGraph, OSError) as failure:
        print(f"dev_mesh: {failure}", file=sys.stderr)
        return 1
    return 0


def _options(flags: argparse.Namespace, data_dir: Path) -> Options:
    return Options(
        data_dir=data_dir,
        edge_port=flags.edge_port,
        replicas=flags.replicas,
        store=flags.store,
        cassandra_nodes=flags.cassandra_nodes,
        shows_tour=not flags.no_tour,
        settings=dict(flags.set),
    )


def _seed(flags: argparse.Namespace, data_dir: Path) -> None:
    edge_url = read_mesh_file(data_dir).edge
    if flags.graph:
        follows = read_graph(flags.graph, is_undirected=flags.undirected, most_people=flags.users)
        people = 1 + max((max(pair) for pair in follows), default=0)
    else:
        people = flags.users or PEOPLE_OF_A_MADE_GRAPH
        follows = made_graph(people)
    asyncio.run(seed(edge_url, follows=follows, people=people, posts=flags.posts, clock=SystemClock()))


def _clean_data(data_dir: Path) -> None:
    if not (data_dir / FILE).exists():
        raise NotRunning(f"{data_dir} holds no data of a mesh; nothing is deleted")
    with only_mesh(data_dir):
        shutil.rmtree(data_dir)
    print(f"{data_dir} is deleted")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
