"""The update mask that a request means without saying it: what a PATCH sends, everything for a PUT (AIP-134)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from edge_proxy.fields import WELL_KNOWN, fields_by_any_name, held_by, is_a, is_message, is_output_only

MaskFiller: TypeAlias = Callable[[Any, Any], None]
EVERYTHING = "*"


def mask_filler(
    request: Descriptor, body_field: str, verb: str, *, is_alias: bool, in_path: frozenset[tuple[str, ...]]
) -> MaskFiller | None:
    """What sets the mask of a request from the tree of its body, unless the client gave one.

    Only for a PATCH, a PUT or an alias whose body is a message field of a request with one FieldMask. A PUT replaces;
    the others merge. `in_path` are fields that name what is changed: they are no part of the change.
    """
    target = request.fields_by_name.get(body_field)
    if target is None or not _has_parts(target):
        return None
    masks = [field for field in request.fields if is_a(field, "google.protobuf.FieldMask") and not field.is_repeated]
    merges = is_alias or verb == "PATCH"
    if len(masks) != 1 or not (merges or verb == "PUT"):
        return None
    name, resource = masks[0].name, held_by(target)
    fixed = {path[1:] for path in in_path if path[0] == body_field}

    def fill(message: Any, tree: Any) -> None:  # noqa: ANN401 - JSON, and a message made at run time
        mask = getattr(message, name)
        if not mask.paths:
            mask.paths.extend(_leaves(resource, tree or {}, (), fixed) if merges else [EVERYTHING])

    return fill


def _has_parts(field: FieldDescriptor) -> bool:
    return is_message(field) and not field.is_repeated and held_by(field).full_name not in WELL_KNOWN


def _leaves(
    message: Descriptor, tree: Mapping[str, Any], above: tuple[str, ...], fixed: set[tuple[str, ...]]
) -> Iterator[str]:
    names = fields_by_any_name(message)
    for key, value in tree.items():
        field = names.get(key)
        if field is None or is_output_only(field):
            continue
        path = (*above, field.name)
        if value and _has_parts(field):
            yield from _leaves(held_by(field), value, path, fixed)
        elif path not in fixed:
            yield ".".join(path)
