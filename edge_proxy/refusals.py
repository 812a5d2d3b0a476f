"""Failures that HTTP has a status for and gRPC has not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mesh.errors import DeadlineExceeded, InvalidArgument, MeshError


class RouteNotFound(MeshError):
    """No binding for the path."""

    code = "NOT_FOUND"


class MethodNotAllowed(MeshError):
    """The path is known, the method is not: 405."""

    code = "UNIMPLEMENTED"

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allowed = allow_header(allowed)
        super().__init__("METHOD_NOT_ALLOWED", f"this path answers to {self.allowed}")


class TooLarge(InvalidArgument):
    """More than is taken: 413 for a body, 414 for a URL, 431 for headers."""

    def __init__(self, what: str, status: int, most: int) -> None:
        self.http_status = status
        super().__init__(
            "REQUEST_TOO_LARGE", f"{what} may have {most} bytes at most", metadata={"max_bytes": str(most)}
        )

    @classmethod
    def body(cls, most: int) -> TooLarge:
        """The body is too large."""
        return cls("the body", 413, most)

    @classmethod
    def url(cls, most: int) -> TooLarge:
        """The URL is too long."""
        return cls("the URL", 414, most)

    @classmethod
    def headers(cls, most: int) -> TooLarge:
        """There are too many headers, or too long ones."""
        return cls("the headers", 431, most)


class TooSlow(DeadlineExceeded):
    """The client took too long to send its request: 408."""

    def __init__(self) -> None:
        super().__init__("DEADLINE_EXCEEDED", "the request took too long to come")


class UnsupportedContent(InvalidArgument):
    """The body is no plain JSON: 415."""

    def __init__(self, message: str) -> None:
        super().__init__("CONTENT_TYPE_UNSUPPORTED", message)


class NotAcceptable(InvalidArgument):
    """The client takes none of the forms that there are: 406."""

    def __init__(self, offered: Sequence[str]) -> None:
        super().__init__("CONTENT_TYPE_UNSUPPORTED", f"this can be had as {', '.join(offered)}; say so in Accept")


def allow_header(methods: Iterable[str]) -> str:
    """The value of Allow: what a path answers to, with what the edge adds."""
    known = {method for method in methods if method != "*"} | {"OPTIONS"}
    return ", ".join(sorted(known | {"HEAD"} if "GET" in known else known))
