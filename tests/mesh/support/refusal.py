"""What every refusal of a client's fault must look like."""

from __future__ import annotations

from tests.mesh.support.api import Answer

# Words that only the inside knows.
INSIDE = ("Traceback", "Exception", "site-packages", ".py", "sqlite", "apsw", "grpc")


def assert_refused(answer: Answer, status: int, reason: str, field: str = "") -> None:
    """A clear error of AIP-193: status, reason, the field at fault, message and request id; nothing of the inside."""
    assert (answer.status, answer.reason) == (status, reason), answer.json
    error = answer.json["error"]
    assert error["code"] == status
    assert error["message"]
    if field:
        assert field in answer.fields, answer.json
    assert answer.request_id
    assert answer.request_id == answer.headers["x-request-id"]
    assert not [word for word in INSIDE if word in str(error)], error
