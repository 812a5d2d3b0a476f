"""Reads a FileDescriptorSet into a pool of its own, and from that what the edge must know of each method.

Nothing here depends on generated code: the contracts may be any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.api import annotations_pb2, http_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet, MethodOptions
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message

# The option that says who may call a method, how long it may take, and where else it answers.
POLICY_NUMBER = 50101
POLICY_NAME = "aviary.options.v1.policy"
DEFAULT_TIMEOUT_SECONDS = 2.0


class BrokenDescriptors(Exception):
    """A descriptor set that cannot be served; `mistakes` has one line for each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """How the answers of a method may be kept: by whom, for how long, and whether the edge makes their ETag."""

    max_age_seconds: int
    is_shared: bool
    etag: bool


@dataclass(frozen=True, slots=True)
class Policy:
    """What the contract says of a method beyond google.api.http; `auth` is the enum's name without its prefix.

    `stream_timeout` is how long a stream may last; 0 where the contract does not say.
    """

    auth: str = "OPTIONAL"
    default_timeout: float = DEFAULT_TIMEOUT_SECONDS
    max_timeout: float = DEFAULT_TIMEOUT_SECONDS
    stream_timeout: float = 0.0
    cache: CachePolicy | None = None
    success_status: int = 200
    aliases: tuple[http_pb2.HttpRule, ...] = ()
    scopes: tuple[str, ...] = ()

    @property
    def is_private(self) -> bool:
        """Whether the answer may depend on who asks."""
        return self.auth != "NONE" and not (self.cache is not None and self.cache.is_shared)


@dataclass(frozen=True, slots=True)
class Rpc:
    """A method of the set. `path` is as on the wire, "/pkg.Service/Method"; `policy` is None where there is none."""

    path: str
    service: str
    name: str
    input: Descriptor
    output: Descriptor
    request: type[Message]
    response: type[Message]
    rule: http_pb2.HttpRule
    policy: Policy | None
    is_repeatable: bool
    takes_stream: bool
    gives_stream: bool
    is_deprecated: bool

    @property
    def full_name(self) -> str:
        """As descriptors call it: pkg.Service.Method."""
        return f"{self.service}.{self.name}"


@dataclass(frozen=True, slots=True)
class Contracts:
    """The pool of a set, and the methods of its services by full service name."""

    pool: DescriptorPool
    services: Mapping[str, tuple[Rpc, ...]]


def read_descriptor_set(path: Path) -> Contracts:
    """The contracts in a file. Raises BrokenDescriptors."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BrokenDescriptors([f"{path}: {error.strerror}"]) from error
    try:
        return load_descriptor_set(FileDescriptorSet.FromString(raw))
    except DecodeError:
        raise BrokenDescriptors([f"{path} is no FileDescriptorSet; write one with buf build or protoc -o"]) from None
    except BrokenDescriptors as broken:
        raise BrokenDescriptors([f"{path}: {mistake}" for mistake in broken.mistakes]) from broken


def load_descriptor_set(files: FileDescriptorSet) -> Contracts:
    """The contracts in a set. Raises BrokenDescriptors."""
    pool = DescriptorPool()
    for file in _imports_first({file.name: file for file in files.file}):
        try:
            pool.Add(file)
        except (TypeError, ValueError) as error:
            raise BrokenDescriptors([f"{file.name}: {error}"]) from error
    policies = _Policies(pool)
    services, mistakes = {}, list[str]()
    for file in files.file:
        for service in file.service:
            name = f"{file.package}.{service.name}".lstrip(".")
            descriptors = pool.FindServiceByName(name).methods
            try:
                services[name] = tuple(_rpc(each, policies) for each in descriptors)
            except BrokenDescriptors as broken:
                mistakes += broken.mistakes
    if mistakes:
        raise BrokenDescriptors(mistakes)
    if not services:
        raise BrokenDescriptors(["there is no service in it"])
    return Contracts(pool, services)


class _Policies:
    """Reads the policy option by its number, with the definition that the set itself brings along."""

    def __init__(self, pool: DescriptorPool) -> None:
        self._option: FieldDescriptor | None = None
        try:
            options = pool.FindMessageTypeByName("google.protobuf.MethodOptions")
            option = pool.FindExtensionByNumber(options, POLICY_NUMBER)
        except KeyError:
            return
        if option.full_name == POLICY_NAME and option.message_type is not None:
            self._option = option
            self._options = message_factory.GetMessageClass(options)

    def of(self, method: MethodDescriptor) -> Policy | None:
        """The method's policy. Raises BrokenDescriptors for one that does not say who may call."""
        if self._option is None:
            return None
        options = self._options.FromString(method.GetOptions().SerializeToString())
        if not options.HasExtension(self._option):  # type: ignore[arg-type]  # a descriptor does as well
            return None
        policy: Any = options.Extensions[self._option]  # type: ignore[index]  # a descriptor does as well
        auth = policy.DESCRIPTOR.fields_by_name["auth"].enum_type.values_by_number[policy.auth].name
        if auth.endswith("UNSPECIFIED"):
            raise BrokenDescriptors([f"{method.full_name} has a policy that does not say who may call it (auth)"])
        default_timeout = _seconds(policy.default_timeout) or DEFAULT_TIMEOUT_SECONDS
        aliases = tuple(http_pb2.HttpRule.FromString(each.SerializeToString()) for each in policy.aliases)
        return Policy(
            auth=auth.removeprefix("AUTH_LEVEL_"),
            default_timeout=default_timeout,
            max_timeout=_seconds(policy.max_timeout) or default_timeout,
            stream_timeout=_seconds(policy.max_timeout),
            cache=_cache(policy),
            success_status=policy.success_status or 200,
            aliases=aliases,
            scopes=tuple(policy.scopes),
        )


def _cache(policy: Any) -> CachePolicy | None:  # noqa: ANN401 - a MethodPolicy of the set's own pool
    # A set may be older than the field.
    if "cache" not in policy.DESCRIPTOR.fields_by_name or not policy.HasField("cache"):
        return None
    cache = policy.cache
    return CachePolicy(max_age_seconds=cache.max_age_seconds, is_shared=cache.shared, etag=cache.etag)


def _rpc(method: MethodDescriptor, policies: _Policies) -> Rpc:
    options = method.GetOptions()
    return Rpc(
        path=f"/{method.containing_service.full_name}/{method.name}",
        service=method.containing_service.full_name,
        name=method.name,
        input=method.input_type,
        output=method.output_type,
        request=message_factory.GetMessageClass(method.input_type),
        response=message_factory.GetMessageClass(method.output_type),
        rule=options.Extensions[annotations_pb2.http],
        policy=policies.of(method),
        is_repeatable=options.idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN,
        takes_stream=method.client_streaming,
        gives_stream=method.server_streaming,
        is_deprecated=options.deprecated,
    )


def _imports_first(files: Mapping[str, FileDescriptorProto]) -> Iterator[FileDescriptorProto]:
    done: set[str] = set()
    missing: set[str] = set()

    def visit(name: str) -> Iterator[FileDescriptorProto]:
        if name in done:
            return
        done.add(name)
        if name not in files:
            missing.add(name)
            return
        for imported in files[name].dependency:
            yield from visit(imported)
        yield files[name]

    ordered = [file for name in files for file in visit(name)]
    if missing:
        raise BrokenDescriptors(
            [f"{name} is imported and not in it; add --include_imports" for name in sorted(missing)]
        )
    yield from ordered


def _seconds(duration: Any) -> float:  # noqa: ANN401 - a Duration of the set's own pool
    return Duration(seconds=duration.seconds, nanos=duration.nanos).ToTimedelta().total_seconds()
