"""The real nats-server and redis-server of a mesh."""

from __future__ import annotations

from functools import partial

from dev_mesh.binaries import nats_server, redis_server
from dev_mesh.child import Program
from dev_mesh.mesh_file import write_private
from dev_mesh.nats_conf import nats_conf
from dev_mesh.plan import Plan
from dev_mesh.probes import http_answers, redis_answers
from dev_mesh.redis_conf import redis_conf


def nats_program(plan: Plan) -> Program:
    """The broker. Its configuration stands outside of its directory, which may be removed at any time."""
    data_dir = plan.options.data_dir
    configuration = data_dir / "nats.conf"
    text = nats_conf(
        port=plan.ports["nats"],
        monitor_port=plan.ports["nats monitor"],
        store_dir=data_dir / "nats",
        password=plan.keys.nats_password,
    )
    write_private(configuration, text)
    monitor = f"http://{plan.address('nats monitor')}"
    return plan.program(
        "nats",
        service="nats",
        command=(str(nats_server()), "-c", str(configuration)),
        environment={},
        address=plan.nats_url,
        metrics=f"{monitor}/varz",
        is_ready=partial(http_answers, monitor, "/healthz?js-enabled-only=true"),
    )


def redis_program(plan: Plan) -> Program:
    """Caches and timelines. Its configuration stands outside of its directory, which may be removed at any time."""
    data_dir = plan.options.data_dir
    configuration = data_dir / "redis.conf"
    password = plan.keys.redis_password
    write_private(configuration, redis_conf(port=plan.ports["redis"], directory=data_dir / "redis", password=password))
    return plan.program(
        "redis",
        service="redis",
        command=(str(redis_server()), str(configuration)),
        environment={},
        address=plan.redis_url,
        metrics="",
        is_ready=partial(redis_answers, plan.address("redis"), password),
    )
