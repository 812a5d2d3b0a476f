"""Settings of graph_svc from the environment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from graph_svc.config import GraphConfig
from mesh.env import SettingsError, load

NEEDED = {"AVIARY_JWKS_FILE": "/jwks", "AVIARY_SERVICE_KEY_FILE": "/key", "AVIARY_PAGE_TOKEN_KEY": "k" * 32}


def test_the_defaults_are_those_of_a_large_mesh() -> None:
    config = load(GraphConfig, NEEDED)
    assert (config.pull_threshold, config.pull_back, config.both_for) == (10_000, 8_000, timedelta(seconds=60))
    assert config.mesh.jwks_file == Path("/jwks")


def test_every_bound_can_be_set() -> None:
    own = {
        "AVIARY_GRAPH_PULL_THRESHOLD": "3",
        "AVIARY_GRAPH_PULL_BACK": "2",
        "AVIARY_GRAPH_BOTH_SECONDS": "0.5",
    }
    config = load(GraphConfig, NEEDED | own)
    assert (config.pull_threshold, config.pull_back, config.both_for) == (3, 2, timedelta(seconds=0.5))


def test_all_mistakes_are_told_at_once() -> None:
    own = {
        "AVIARY_GRAPH_PULL_THRESHOLD": "0",
        "AVIARY_GRAPH_PULL_BACK": "many",
        "AVIARY_GRAPH_BOTH_SECONDS": "-1",
    }
    with pytest.raises(SettingsError) as caught:
        load(GraphConfig, NEEDED | own)
    assert [mistake.partition("=")[0] for mistake in caught.value.mistakes] == list(own)
