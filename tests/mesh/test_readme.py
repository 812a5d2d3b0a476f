"""The lines that README.md gives a newcomer to paste do what they say."""

from __future__ import annotations

import re

from tests.mesh.support.cookbook import for_this_mesh, open_shell, read_recipes
from tests.mesh.support.programs import find_curl, find_grpcurl
from tests.mesh.support.running_mesh import ENVIRONMENT, ROOT, RunningMesh

README = ROOT / "README.md"


def test_the_tour_by_hand_can_be_pasted(mesh: RunningMesh) -> None:
    section = re.search(r"## A tour by hand\n(.*?)^## ", README.read_text(), re.MULTILINE | re.DOTALL)
    assert section
    commands = [recipe.command for recipe in read_recipes(section[1])]
    assert len(commands) >= 2
    environment = ENVIRONMENT | {"PATH": f"{find_grpcurl().parent}:{find_curl().parent}:{ENVIRONMENT['PATH']}"}
    with open_shell(environment, ROOT) as shell:
        printed = "".join(shell.run(for_this_mesh(command, mesh)) for command in commands)
    for expected in ('"username":"ada"', "hello, mesh", "hello by gRPC", "is a method:", '"items"'):
        assert expected in printed, printed
    for mistake in ("error", "ERROR", "not found", "Traceback"):
        assert mistake not in printed, printed
