"""Messages to JSON, as json_format would with always_print_fields_with_no_presence, at a quarter of its cost.

For each message type a Python function is written from its descriptor and compiled, as dataclasses does it: one
attribute read per field and nothing else at run time (bench/edge_json.py measures both).
"""

from __future__ import annotations

from keyword import iskeyword
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from edge_proxy.fields import WRAPPERS, enum_of, held_by, is_map, is_message, is_null_enum
from edge_proxy.json_forms import Form, any_form, base64_text, double_form, extendable_form, float_form, well_known_form

_F = FieldDescriptor
# JSON has no whole numbers beyond 2^53: these are strings.
_QUOTED = frozenset({_F.TYPE_INT64, _F.TYPE_UINT64, _F.TYPE_SINT64, _F.TYPE_FIXED64, _F.TYPE_SFIXED64})
_FUNCTIONS = {_F.TYPE_BYTES: base64_text, _F.TYPE_DOUBLE: double_form, _F.TYPE_FLOAT: float_form}


class ResponseEncoder:
    """The JSON forms of the message types of one pool, each made when it is asked for first."""

    def __init__(self, pool: DescriptorPool) -> None:
        self._pool = pool
        self._forms: dict[str, Form] = {}

    def of(self, message: Descriptor) -> Form:
        """What turns messages of a type into their JSON form. It raises ValueError for what JSON cannot say."""
        name = message.full_name
        if name not in self._forms:
            self._forms[name] = self._stand_in(name)
            self._forms[name] = self._made(message)
        return self._forms[name]

    def _stand_in(self, name: str) -> Form:
        """A type may hold itself: until its form is made, this one is handed out."""

        def form(value: Any) -> Any:  # noqa: ANN401 - JSON, and a message made at run time
            return self._forms[name](value)

        return form

    def of_any(self) -> Form:
        """What turns an Any, of whichever pool, into its JSON form, when it holds a type of this one."""
        return any_form(self._pool, self.of)

    def of_field(self, field: FieldDescriptor) -> Form:
        """What turns a message into the JSON form of one of its fields, null when that is not set."""
        source = _Source()
        expression = self._expression(field, source)
        if field.has_presence:
            expression = f"{expression} if m.HasField({field.name!r}) else None"
        return source.compiled([f"return {expression}"])

    def _made(self, message: Descriptor) -> Form:
        if message.full_name == "google.protobuf.Any":
            return self.of_any()
        if message.full_name in WRAPPERS:
            return self.of_field(message.fields_by_name["value"])
        if message.is_extendable:
            return extendable_form(self._pool)
        return well_known_form(message) or self._regular(message)

    def _regular(self, message: Descriptor) -> Form:
        source = _Source()
        always: list[str] = []
        lines: list[str] = []
        for field in message.fields:
            key, expression = repr(field.json_name), self._expression(field, source)
            if field.has_presence:
                lines.append(f"if m.HasField({field.name!r}): out[{key}] = {expression}")
            elif lines:
                lines.append(f"out[{key}] = {expression}")
            else:
                always.append(f"{key}: {expression}")
        return source.compiled([f"out = {{{', '.join(always)}}}", *lines, "return out"])

    def _expression(self, field: FieldDescriptor, source: _Source) -> str:
        """Python for the form of a field of the message `m`."""
        value = source.read(field.name)
        if is_map(field):
            key, held = (held_by(field).fields_by_name[part] for part in ("key", "value"))
            entries = f"{{{_key(key)}: {self._one(held, 'v', source)} for k, v in r.items()}}"
            return f"({entries} if (r := {value}) else {{}})"
        if field.is_repeated:
            # Going over a copy is faster than over the field itself, and asking first is faster still for none.
            return f"([{self._one(field, 'v', source)} for v in r[:]] if (r := {value}) else [])"
        return self._one(field, value, source)

    def _one(self, field: FieldDescriptor, value: str, source: _Source) -> str:
        """Python for the form of one value of a field."""
        if is_message(field):
            return f"{source.calls(self.of(held_by(field)))}({value})"
        if field.type in _QUOTED:
            return f"str({value})"
        if field.type in _FUNCTIONS:
            return f"{source.calls(_FUNCTIONS[field.type])}({value})"
        if is_null_enum(field):
            return "None"
        if field.type == _F.TYPE_ENUM:
            # Of several names of a number the first counts.
            names = {each.number: each.name for each in reversed(list(enum_of(field).values))}
            return f"{source.calls(names.get)}(n := {value}, n)"
        return value


class _Source:
    """A function of `m` in the making, and what it refers to."""

    def __init__(self) -> None:
        self._scope: dict[str, Any] = {}

    def calls(self, function: Any) -> str:  # noqa: ANN401 - any function of one or two values
        """The name by which the source calls a function."""
        name = f"f{len(self._scope)}"
        self._scope[name] = function
        return name

    def read(self, field: str) -> str:
        """Python for a field of `m`; a name such as "from" is a keyword."""
        return f"m.{field}" if field.isidentifier() and not iskeyword(field) else f"getattr(m, {field!r})"

    def compiled(self, lines: list[str]) -> Form:
        """The function with these lines as its body."""
        source = "def form(m):\n" + "".join(f"    {line}\n" for line in lines)
        exec(source, self._scope)  # noqa: S102 - made of names out of descriptors, each quoted or an identifier
        form: Form = self._scope["form"]
        return form


def _key(key: FieldDescriptor) -> str:
    if key.type == _F.TYPE_STRING:
        return "k"
    return "'true' if k else 'false'" if key.type == _F.TYPE_BOOL else "str(k)"
