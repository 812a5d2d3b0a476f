"""A connection that is too old is given up slowly enough for the streams on it."""

from datetime import timedelta

from mesh.calls.answering import STREAM_LIFE
from mesh.grpc_server import OPTIONS
from tests.support.contract import methods


def test_an_old_connection_stays_until_its_streams_and_their_last_calls_have_ended() -> None:
    """A stream may be opened just before; calls that are cut off would be UNAVAILABLE, every ten minutes."""
    policies = [method.policy for method in methods()]
    longest = max(each.ToTimedelta() for policy in policies for each in (policy.default_timeout, policy.max_timeout))
    assert longest >= timedelta(seconds=30)
    grace = timedelta(milliseconds=dict(OPTIONS)["grpc.max_connection_age_grace_ms"])
    assert grace > STREAM_LIFE + longest
