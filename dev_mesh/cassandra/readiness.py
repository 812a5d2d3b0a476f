"""When a node is ready for work: it answers a query of somebody who has logged in, and the cluster is set up."""

from __future__ import annotations

from collections.abc import Sequence

from dev_mesh.cassandra.cluster import SERVICES, SUPERUSER, LocalCluster
from dev_mesh.cassandra.session import TROUBLE, answers, open_session
from dev_mesh.cassandra.set_up import NotTogether, set_up


class Readiness:
    """Asks the nodes of one cluster. The first node is set up from here as soon as all of them are there.

    `why_not` is what stood in the way when a node was last found not to be ready.
    """

    def __init__(self, cluster: LocalCluster, *, services: Sequence[str] = SERVICES) -> None:
        self.why_not = ""
        self._cluster = cluster
        self._services = services
        self._is_set_up = False

    def is_ready(self, number: int) -> bool:
        """Whether the node, asked alone, serves what services ask for. Blocks for some seconds at most."""
        host = self._cluster.host(number)
        if not answers(self._cluster, host):
            self.why_not = f"nobody speaks CQL at {host}:{self._cluster.port}"
            return False
        try:
            if number == 1 and not self._is_set_up:
                set_up(self._cluster, services=self._services)
                self._is_set_up = True
            return self._is_set_up and self._serves(host)
        except (NotTogether, *TROUBLE) as trouble:
            self.why_not = str(trouble)
            return False

    def _serves(self, host: str) -> bool:
        password = self._cluster.password(SUPERUSER)
        with open_session(self._cluster, role=SUPERUSER, password=password, hosts=[host]) as session:
            rows = session.execute("SELECT role FROM system_auth.roles WHERE role = %s", [SUPERUSER])
            return rows.one() is not None
