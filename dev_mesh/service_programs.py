"""The services and the edge of a mesh, as `python -m NAME` with settings in the environment."""

from __future__ import annotations

import sys
from functools import partial

from dev_mesh.child import Program
from dev_mesh.plan import ROOT, Plan
from dev_mesh.ports import SERVICE_PROCESSES
from dev_mesh.probes import grpc_serves, http_answers

# What the edge serves, and by which process. The other contracts of a service are for the mesh alone.
PUBLIC_SERVICES = {
    "aviary.user.v1.UserService": "user_svc",
    "aviary.auth.v1.AuthService": "user_svc",
    "aviary.tweet.v1.TweetService": "tweet_svc",
    "aviary.graph.v1.GraphService": "graph_svc",
    "aviary.engagement.v1.EngagementService": "engagement_svc",
    "aviary.timeline.v1.TimelineService": "timeline_svc",
}
SERVICES = tuple(dict.fromkeys(PUBLIC_SERVICES.values()))
# timeline_svc is two processes; the others do all their work in one.
_ROLES = {"timeline_svc": "serve", "timeline_svc-work": "work"}
# Nothing of the shell that started the mesh reaches its processes.
_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}",
    "PYTHONUNBUFFERED": "1",
    # glibc's first value, kept: large pieces, such as the 19 MiB of a password's hash, go back to the system at once.
    "MALLOC_MMAP_THRESHOLD_": "131072",
}
# -P: the folder a process runs in is no place to import from.
_PYTHON = (sys.executable, "-P", "-m")


def service_programs(plan: Plan) -> list[Program]:
    """Every service process and its replicas."""
    return [_service_program(plan, name, copy) for name in SERVICE_PROCESSES for copy in plan.replicas_of(name)]


def _service_program(plan: Plan, name: str, copy: str) -> Program:
    service, role = name.partition("-")[0], _ROLES.get(name, "all")
    address = plan.address(copy)
    environment = {
        **_ENVIRONMENT,
        "AVIARY_LISTEN": address,
        "AVIARY_METRICS_LISTEN": plan.address(f"{copy} metrics"),
        "AVIARY_STORE_URL": plan.store_url(service),
        "AVIARY_BUS_URL": plan.nats_url,
        "AVIARY_REDIS_URL": plan.redis_url,
        "AVIARY_JWKS_FILE": str(plan.keys.jwks_file),
        "AVIARY_SERVICE_KEY_FILE": str(plan.keys.file_of(service)),
        "AVIARY_PAGE_TOKEN_KEY": plan.keys.page_token_key,
        **{
            f"AVIARY_{other.removesuffix('_svc').upper()}_TARGET": f"ipv4:{plan.addresses_of(other)}"
            for other in SERVICES
        },
        **plan.options.settings,
    }
    return plan.program(
        copy,
        service=service,
        role=role,
        command=(*_PYTHON, service, "--role", role),
        environment=environment,
        address=address,
        metrics=plan.metrics_url(copy),
        is_ready=partial(grpc_serves, address),
    )


def edge_program(plan: Plan) -> Program:
    """The edge in front of the public contracts."""
    address = plan.address("edge")
    upstreams = [f"--upstream={contract}={plan.addresses_of(name)}" for contract, name in PUBLIC_SERVICES.items()]
    contracts = (
        *("--descriptors", str(ROOT / "generated" / "descriptors.binpb")),
        *("--openapi", str(ROOT / "generated" / "openapi.json")),
    )
    environment = {
        **_ENVIRONMENT,
        "AVIARY_JWKS_FILE": str(plan.keys.jwks_file),
        "AVIARY_METRICS_LISTEN": plan.address("edge metrics"),
        **plan.options.settings,
    }
    return plan.program(
        "edge",
        service="edge_proxy",
        role="serve",
        command=(*_PYTHON, "edge_proxy", "--listen", address, *contracts, *upstreams),
        environment=environment,
        address=plan.edge_url,
        metrics=plan.metrics_url("edge"),
        is_ready=partial(http_answers, plan.edge_url, "/readyz"),
    )
