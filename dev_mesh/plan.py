"""What one mesh consists of: flags, ports and keys, and the addresses that follow from them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from dev_mesh.cassandra.cluster import LocalCluster
from dev_mesh.child import Program
from dev_mesh.keys import Keys
from dev_mesh.nats_conf import nats_url
from dev_mesh.options import Options
from dev_mesh.ports import HOST, replica_name
from dev_mesh.redis_conf import redis_url

# The Python processes of a mesh find the code here, wherever they run.
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Plan:
    """What all programs are made from."""

    options: Options
    ports: Mapping[str, int]
    keys: Keys

    @property
    def cassandra(self) -> LocalCluster | None:
        """The cluster that the stores are on, if that is where they are."""
        if self.options.store != "cassandra":
            return None
        return LocalCluster(
            self.options.data_dir / "cassandra",
            nodes=self.options.cassandra_nodes,
            port=self.ports["cassandra"],
            storage_port=self.ports["cassandra nodes"],
        )

    def store_url(self, service: str) -> str:
        """Where a service ("tweet_svc") keeps its rows."""
        cluster = self.cassandra
        if cluster is None:
            return f"sqlite://{quote(str(self.options.data_dir / service))}"
        return cluster.store_url(service.removesuffix("_svc"))

    @property
    def edge_url(self) -> str:
        """Where the mesh's users find it."""
        return f"http://{self.address('edge')}"

    @property
    def nats_url(self) -> str:
        """The broker, with the credentials of the mesh."""
        return nats_url(port=self.ports["nats"], password=self.keys.nats_password)

    @property
    def redis_url(self) -> str:
        """The cache, with the credentials of the mesh."""
        return redis_url(port=self.ports["redis"], password=self.keys.redis_password)

    def address(self, name: str) -> str:
        """host:port of a name of the port plan."""
        return f"{HOST}:{self.ports[name]}"

    def metrics_url(self, name: str) -> str:
        """Where a process shows its metrics."""
        return f"http://{self.address(f'{name} metrics')}/metrics"

    def replicas_of(self, name: str) -> list[str]:
        """The process and its copies."""
        return [replica_name(name, number) for number in range(1, self.options.replicas + 1)]

    def addresses_of(self, name: str) -> str:
        """host:port of the process and of its copies, separated by commas."""
        return ",".join(self.address(copy) for copy in self.replicas_of(name))

    def program(
        self,
        name: str,
        *,
        service: str,
        role: str = "all",
        command: tuple[str, ...],
        environment: Mapping[str, str],
        address: str,
        metrics: str,
        is_ready: Callable[[], Awaitable[bool]],
    ) -> Program:
        """A program that keeps its files in DATA/<service> and its log in DATA/logs."""
        return Program(
            name=name,
            service=service,
            role=role,
            command=command,
            environment=environment,
            directory=self.options.data_dir / service,
            log=self.options.data_dir / "logs" / f"{name}.log",
            address=address,
            metrics=metrics,
            is_ready=is_ready,
        )
