"""Fixtures of the runtime's own tests."""

from pathlib import Path

import pytest

from tests.support.channels import Opens, channels_of_tweet_svc


@pytest.fixture
def open_to(tmp_path: Path) -> Opens:
    """Opens the channels of tweet_svc with a service as "user"."""
    return channels_of_tweet_svc(tmp_path)
