"""Query strings to fields: `user.id=5&tags=a&tags=b`, strictly: unknown names and second values are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from edge_proxy.fields import (
    WRAPPERS,
    BadField,
    UnknownField,
    held_by,
    is_a,
    is_message,
    is_output_only,
    resolve,
    shown,
)
from edge_proxy.json_text import MOST_DEPTH
from edge_proxy.json_well_known import text_reader
from edge_proxy.path_template import unescaped
from edge_proxy.text_values import from_text

Chain: TypeAlias = tuple[FieldDescriptor, ...]
# What is set already: fields by their chain of numbers.
Seen: TypeAlias = dict[tuple[int, ...], int]
WHOLE, IN_PARTS = 1, 2
MOST_REMEMBERED = 1_000
_HAVE_TEXT = frozenset(f"google.protobuf.{name}" for name in ("Duration", "FieldMask", "Timestamp"))
# Their fields are nothing that a client knows of.
_WHOLE_ONLY = frozenset(f"google.protobuf.{name}" for name in ("Any", "Duration", "ListValue", "Struct", "Value"))


def parse_query(raw: bytes) -> Iterator[tuple[str, str]]:
    """Names and values, decoded; `;` is no separator, `x` means `x=`. Raises BadField."""
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.replace(b"+", b" ").partition(b"=")
            try:
                decoded_name = unescaped(name)
            except ValueError as error:
                raise BadField(f"a name in the query string {error}") from None
            try:
                yield decoded_name, unescaped(value)
            except ValueError as error:
                raise BadField(str(error), shown(decoded_name)) from None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A field of the request that a URL may set: the fields on the way to it, and what sets the last of them."""

    chain: Chain
    put: Callable[[Any, str], None]
    is_output_only: bool

    @property
    def where(self) -> list[str]:
        """The field as JSON names it, in parts."""
        return [field.json_name for field in self.chain]

    def set(self, message: Any, text: str) -> None:  # noqa: ANN401 - a message made at run time
        """Set it. Raises BadField, also when the message has another field of a oneof on the way."""
        try:
            _check_oneofs(message, self.chain)
            self.put(_holder(message, self.chain[:-1]), text)
        except BadField as bad:
            bad.path[:0] = self.where
            raise

    def bind(self, message: Any, text: str, seen: Seen) -> None:  # noqa: ANN401 - a message made at run time
        """Set it once: `seen` is what this request has set so far. Raises BadField.

        What only the server sets must read well, and is ignored.
        """
        try:
            _claim(self.chain, seen)
        except BadField as bad:
            bad.path[:0] = self.where
            raise
        self.set(type(message)() if self.is_output_only else message, text)


class Parameters:
    """The parameters of a request message, by every dotted name that they go by."""

    def __init__(self, request: Descriptor) -> None:
        self._request = request
        self._known: dict[str, Parameter] = {}

    def named(self, name: str) -> Parameter:
        """The parameter of a name. Raises BadField."""
        known = self._known.get(name)
        if known is not None:
            return known
        parts = tuple(name.split("."))
        if len(parts) > MOST_DEPTH + 1:
            raise BadField(f"is nested deeper than {MOST_DEPTH} messages", shown(name))
        try:
            chain = resolve(self._request, parts)
            _check_parts(chain)
            parameter = Parameter(chain, _put_text(chain[-1]), any(is_output_only(field) for field in chain))
        except UnknownField:
            raise BadField("is not a parameter of this request", shown(name)) from None
        except BadField as bad:
            raise BadField(bad.description, *(field.json_name for field in chain)) from None
        # A type that holds itself has names without end.
        if len(self._known) < MOST_REMEMBERED:
            self._known[name] = parameter
        return parameter


def _put_text(field: FieldDescriptor) -> Callable[[Any, str], None]:
    """What sets a field from text. Raises BadField for fields that text cannot fill; it raises BadField itself."""
    name = field.name
    if not is_message(field):
        read = from_text(field)
        if field.is_repeated:
            return lambda holder, text: getattr(holder, name).append(read(text))
        return lambda holder, text: setattr(holder, name, read(text))
    if not field.is_repeated and is_a(field, *_HAVE_TEXT):
        read_text = text_reader(held_by(field))
        return lambda holder, text: read_text(_present(holder, name), text)
    if not field.is_repeated and is_a(field, *WRAPPERS):
        read_value = from_text(held_by(field).fields_by_name["value"])
        return lambda holder, text: setattr(_present(holder, name), "value", read_value(text))
    raise BadField("cannot be given in the URL; it holds more than one value")


def _present(holder: Any, name: str) -> Any:  # noqa: ANN401 - messages made at run time
    inner = getattr(holder, name)
    inner.SetInParent()
    return inner


def _holder(message: Any, chain: Chain) -> Any:  # noqa: ANN401 - messages made at run time
    for field in chain:
        message = _present(message, field.name)
    return message


def _claim(chain: Chain, seen: Seen) -> None:
    """Take note that the chain is set. Raises BadField when it was."""
    numbers = tuple(field.number for field in chain)
    if not chain[-1].is_repeated:
        if seen.get(numbers) == WHOLE:
            raise BadField("is given twice")
        if numbers in seen or any(seen.get(numbers[:end]) == WHOLE for end in range(1, len(numbers))):
            raise BadField("is given both whole and in parts")
        seen.update((numbers[:end], IN_PARTS) for end in range(1, len(numbers)))
        seen[numbers] = WHOLE


def is_set(chain: Chain, seen: Seen) -> bool:
    """Whether the chain, or something around it, has been set."""
    numbers = tuple(field.number for field in chain)
    return any(seen.get(numbers[:end]) == WHOLE for end in range(1, len(numbers) + 1))


def _check_oneofs(message: Any, chain: Chain) -> None:  # noqa: ANN401 - messages made at run time
    """Raise BadField when the message has another field of a oneof that the chain goes through."""
    for field in chain:
        oneof = field.containing_oneof
        if oneof is not None and message.WhichOneof(oneof.name) not in {None, field.name}:
            raise BadField(f"must not be given beside another field of {oneof.name}")
        if is_message(field) and not field.is_repeated:
            message = getattr(message, field.name)


def _check_parts(chain: Chain) -> None:
    """Raise BadField for a part of what is given whole or not at all, and for what is too deep."""
    if any(is_a(field, *_WHOLE_ONLY) for field in chain[:-1]):
        raise BadField("cannot be given in parts")
    if sum(map(is_message, chain)) > MOST_DEPTH:
        raise BadField(f"is nested deeper than {MOST_DEPTH} messages")
