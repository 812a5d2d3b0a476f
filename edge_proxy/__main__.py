"""`python -m edge_proxy`: flags and settings in, exit codes out: 0 drained, 2 cannot serve with these settings."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from edge_proxy.config import EdgeConfig
from edge_proxy.edge import CannotServe
from edge_proxy.server import serve
from mesh import logs
from mesh.env import SettingsError, describe, load

_FLAGS = {
    "--listen": ("AVIARY_EDGE_LISTEN", "HOST:PORT"),
    "--descriptors": ("AVIARY_EDGE_DESCRIPTORS", "FILE"),
    "--upstream": ("AVIARY_EDGE_UPSTREAMS", "SERVICE=HOST:PORT"),
    "--openapi": ("AVIARY_EDGE_OPENAPI", "FILE"),
    "--jwks": ("AVIARY_JWKS_FILE", "FILE"),
    "--metrics-listen": ("AVIARY_METRICS_LISTEN", "HOST:PORT"),
    "--error-format": ("EDGE_ERROR_FORMAT", "FORMAT"),
    "--cors-origin": ("AVIARY_EDGE_CORS_ORIGINS", "ORIGIN"),
    "--stream-seconds": ("AVIARY_EDGE_STREAM_SECONDS", "SECONDS"),
    "--keep-alive-seconds": ("AVIARY_EDGE_KEEP_ALIVE_SECONDS", "SECONDS"),
    "--header-seconds": ("AVIARY_EDGE_HEADER_SECONDS", "SECONDS"),
    "--body-seconds": ("AVIARY_EDGE_BODY_SECONDS", "SECONDS"),
    "--reader-seconds": ("AVIARY_EDGE_READER_SECONDS", "SECONDS"),
    "--connections-per-address": ("AVIARY_EDGE_CONNECTIONS_PER_ADDRESS", "N"),
    "--log-level": ("AVIARY_LOG_LEVEL", "LEVEL"),
}
_REPEATED = {"--upstream", "--cors-origin"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the edge; the exit code."""
    given = _given(_parser().parse_args(arguments))
    try:
        # Flags stand in for variables, so that one list names every mistake.
        config = load(EdgeConfig, {**os.environ, **given})  # noqa: TID251 - the settings, with the flags in their place
        logs.configure(service="edge_proxy", level=config.log_level)
        for library in ("uvicorn", "grpc"):
            logging.getLogger(library).setLevel(logging.WARNING)
        serve(config)
    except (SettingsError, CannotServe) as error:
        for mistake in error.mistakes:
            print(f"edge_proxy: {_named_by_flag(mistake, given)}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    rows = {row.env: row for row in describe(EdgeConfig)}
    parser = argparse.ArgumentParser(
        prog="python -m edge_proxy",
        description="Serves gRPC services as HTTP and JSON, from their descriptors and google.api.http alone.",
        epilog="Each flag may stand in the environment instead. --upstream is repeated, one for each service; several"
        " copies of one are written SERVICE=IP:PORT,IP:PORT.",
    )
    for flag, (env, shown) in _FLAGS.items():
        row = rows[env]
        default = f", default {row.default}" if row.default else ""
        action = "append" if flag in _REPEATED else "store"
        parser.add_argument(flag, action=action, metavar=shown, help=f"{row.help} ({env}{default})")
    parser.add_argument("--no-aliases", action="store_true", help="do not serve aliases (AVIARY_EDGE_ALIASES=false)")
    return parser


def _given(flags: argparse.Namespace) -> dict[str, str]:
    """The variables that the flags stand for."""
    given: dict[str, str] = {"AVIARY_EDGE_ALIASES": "false"} if flags.no_aliases else {}
    for flag, (env, _) in _FLAGS.items():
        value = getattr(flags, flag[2:].replace("-", "_"))
        if value is not None:
            given[env] = " ".join(value) if isinstance(value, list) else value
    return given


def _named_by_flag(mistake: str, given: dict[str, str]) -> str:
    for flag, (env, _) in _FLAGS.items():
        if env in given and mistake.startswith(env):
            return flag + mistake.removeprefix(env)
    return mistake


if __name__ == "__main__":
    sys.exit(main())
