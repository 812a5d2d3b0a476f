"""Update masks (AIP-134, AIP-161)."""

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from aviary.type.v1.user_pb2 import User
from mesh.errors import InvalidArgument
from mesh.field_mask import fields_to_change

CHANGEABLE = frozenset({"display_name", "bio"})
ADA = User(user_id=1, username="ada", display_name="Ada")


def change(*paths: str) -> frozenset[str]:
    return fields_to_change(FieldMask(paths=paths), ADA, changeable=CHANGEABLE)


def test_no_mask_means_what_is_populated() -> None:
    assert change() == {"display_name"}


def test_a_star_means_everything_that_can_be_changed() -> None:
    assert change("*") == CHANGEABLE


def test_a_named_field_is_changed_also_when_it_is_empty() -> None:
    assert change("bio") == {"bio"}


def test_fields_that_only_the_server_sets_are_left_out() -> None:
    assert change("user_id", "create_time", "bio") == {"bio"}


@pytest.mark.parametrize("path", ["is_admin", "displayName", "", "*", "bio.x", "x" * 500])
def test_a_path_that_is_no_field_is_refused_and_named(path: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        change("bio", path)
    assert raised.value.reason == "VALIDATION_FAILED"
    assert raised.value.violations[0].field == "updateMask"
    assert path[:64] in raised.value.message
    assert len(raised.value.message) < 200
