"""The settings of every service."""

from pathlib import Path

import pytest

from mesh.config import MeshConfig
from mesh.env import SettingsError, load

REQUIRED = {
    "AVIARY_JWKS_FILE": "jwks.json",
    "AVIARY_SERVICE_KEY_FILE": "key.pem",
    "AVIARY_PAGE_TOKEN_KEY": "k" * 32,
}


def test_three_settings_are_enough() -> None:
    config = load(MeshConfig, REQUIRED)
    assert config.jwks_file == Path("jwks.json")
    assert config.listen == "127.0.0.1:9000"
    assert set(config.targets()) == {"user", "tweet", "graph", "engagement", "timeline"}


@pytest.mark.parametrize(
    ("env", "text", "mistake"),
    [
        ("AVIARY_LISTEN", "9000", "must be host:port"),
        ("AVIARY_LISTEN", "127.0.0.1:99999", "must be host:port"),
        ("AVIARY_LISTEN", "127.0.0.1:http", "must be host:port"),
        ("AVIARY_METRICS_LISTEN", "localhost", "must be host:port"),
        ("AVIARY_STORE_URL", "postgres://db/x", "is no store URL; use sqlite:///absolute/folder"),
        ("AVIARY_BUS_URL", "127.0.0.1:4222", "must be a URL such as nats://127.0.0.1:4222"),
        ("AVIARY_REDIS_URL", "http://127.0.0.1", "must be a URL such as redis://127.0.0.1:6379/0"),
        ("AVIARY_PAGE_TOKEN_KEY", "short", "must have at least 32 characters"),
        ("AVIARY_LOG_LEVEL", "loud", "must be debug, info, warning or error"),
        ("AVIARY_USER_TARGET", "", "must be a gRPC target"),
    ],
)
def test_a_wrong_value_is_told_with_an_example(env: str, text: str, mistake: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(MeshConfig, {**REQUIRED, env: text})
    (line,) = raised.value.mistakes
    assert line.startswith(env)
    assert mistake in line


def test_passwords_in_urls_and_keys_are_not_shown() -> None:
    environ = {**REQUIRED, "AVIARY_BUS_URL": "nats://me:hush@127.0.0.1:4222", "AVIARY_REDIS_URL": "redis://:hush@h/0"}
    assert "hush" not in repr(load(MeshConfig, environ))
    with pytest.raises(SettingsError) as raised:
        load(MeshConfig, {**REQUIRED, "AVIARY_BUS_URL": "http://me:hush@127.0.0.1"})
    assert "hush" not in str(raised.value)
