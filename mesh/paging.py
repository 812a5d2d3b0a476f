"""Opaque page tokens, bound to the request they continue, and the rules of page sizes (AIP-158)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from mesh.errors import InvalidArgument

_MAC_BYTES = 16
_TOKEN_BYTES = 8 + _MAC_BYTES


class Paging:
    """Makes and checks page tokens. They are signed, so a client can neither make one nor carry it elsewhere."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def encode(self, position: int, *, arguments: tuple[object, ...], caller_id: int) -> str:
        """The token that continues after `position`, the last sort id examined; "" when position is 0: no more pages.

        `arguments` are the name of the RPC and every argument that decides the list, but not the page size.
        """
        if position == 0:
            return ""
        packed = position.to_bytes(8, "big", signed=True)
        return base64.urlsafe_b64encode(packed + self._mac(packed, arguments, caller_id)).decode()

    def decode(self, token: str, *, arguments: tuple[object, ...], caller_id: int) -> int:
        """The position in `token`; 0 for "", the first page.

        Raises InvalidArgument PAGE_TOKEN_INVALID for a token that is not ours, or was made for another request or
        caller.
        """
        if not token:
            return 0
        try:
            packed = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            packed = b""
        position, mac = packed[:8], packed[8:]
        is_ours = len(packed) == _TOKEN_BYTES and hmac.compare_digest(mac, self._mac(position, arguments, caller_id))
        if not is_ours:
            raise InvalidArgument.field(
                "pageToken",
                "is not a token that this request's previous page gave; start again without it",
                reason="PAGE_TOKEN_INVALID",
            )
        return int.from_bytes(position, "big", signed=True)

    def _mac(self, position: bytes, arguments: tuple[object, ...], caller_id: int) -> bytes:
        bound = position + repr((caller_id, *arguments)).encode()
        return hmac.digest(self._key, bound, hashlib.sha256)[:_MAC_BYTES]


def page_size(asked: int, *, default: int, most: int) -> int:
    """Items on a page: `default` for 0, never more than `most`. Raises InvalidArgument for a negative number."""
    if asked < 0:
        raise InvalidArgument.field("pageSize", "must not be negative")
    return min(asked or default, most)
