"""Which fields an update changes (AIP-134, AIP-161)."""

from __future__ import annotations

from collections.abc import Collection

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from mesh.errors import InvalidArgument

LONGEST_SHOWN = 64


def fields_to_change(
    mask: FieldMask, resource: Message, *, changeable: Collection[str], field: str = "updateMask"
) -> frozenset[str]:
    """Names of the fields of `changeable` that an update with this mask and resource sets, or clears.

    An empty mask means the fields that are populated in `resource`; "*" all that can be changed. Fields that exist
    and cannot be changed are left out without an error (AIP-203). Raises InvalidArgument, naming `field`, for a path
    that is no field of the resource, and for "*" beside others.
    """
    if not mask.paths:
        return frozenset(descriptor.name for descriptor, _ in resource.ListFields() if descriptor.name in changeable)
    if list(mask.paths) == ["*"]:
        return frozenset(changeable)
    for path in mask.paths:
        if path not in resource.DESCRIPTOR.fields_by_name:
            name = resource.DESCRIPTOR.name
            raise InvalidArgument.field(field, f"{path[:LONGEST_SHOWN]!r} is no field of {name}, or not alone")
    return frozenset(mask.paths).intersection(changeable)
