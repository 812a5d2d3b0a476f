"""The configuration of one node, from one template for one node or three."""

from __future__ import annotations

import json

from dev_mesh.cassandra.cluster import CommitlogSync, LocalCluster

# Both hold an answer back until its row is on disk. `periodic` does not: a kill -9 loses acknowledged rows. Compressed,
# because otherwise the kernel has them after 100 ms already, and it depends on the moment whether any is lost.
_COMMITLOG: dict[CommitlogSync, str] = {
    "group": "commitlog_sync: group\ncommitlog_sync_group_window: 2ms",
    "batch": "commitlog_sync: batch",
    "periodic": "commitlog_sync: periodic\ncommitlog_sync_period: 10000ms\n"
    "commitlog_compression: [{class_name: LZ4Compressor}]",
}

# To the standard output, which whoever starts the node appends to a file.
LOGBACK = """<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{yyyy-MM-dd HH:mm:ss.SSS} %-5level %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
"""


def node_conf(cluster: LocalCluster, number: int) -> str:
    """cassandra.yaml of a node. The folders are all below the one that the command line names.

    Fixed tokens and every node a seed: none has to join through another, so that all can start at once. Paxos v2,
    because with v1 contended conditional batches took ten times as long. Passwords are checked against the stored
    row, not a copy of it, so that a new one counts at once. A service's query that would filter a whole table is
    refused, so that none gets into a store. `disk_failure_policy` would be `ignore` in a file that does not name it.
    """
    keystore = (
        {
            "enabled": True,
            "optional": False,
            "keystore": str(cluster.tls / f"{cluster.host(number)}.p12"),
            "keystore_password": cluster.password("keystore"),
            "store_type": "PKCS12",
        }
        if cluster.tls
        else {"enabled": False}
    )
    return f"""cluster_name: aviary-local
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: {json.dumps(",".join(f"{host}:{cluster.storage_port}" for host in cluster.hosts))}
listen_address: {cluster.host(number)}
rpc_address: {cluster.host(number)}
storage_port: {cluster.storage_port}
native_transport_port: {cluster.port}
num_tokens: 1
initial_token: {cluster.token(number)}
auto_bootstrap: false
authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
role_manager: CassandraRoleManager
credentials_validity: 0ms
client_encryption_options: {json.dumps(keystore)}
{_COMMITLOG[cluster.commitlog_sync]}
disk_failure_policy: stop
paxos_variant: v2
allow_filtering_enabled: false
auto_snapshot: false
concurrent_reads: 8
concurrent_writes: 32
"""
