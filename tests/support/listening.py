"""Where a process takes connections, as the kernel has it."""

from __future__ import annotations

import ipaddress
import struct
from pathlib import Path

LISTENS = "0A"


def listening(pid: int) -> set[tuple[str, int]]:
    """Addresses and ports that a process takes connections at."""
    sockets = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENS and f"socket:[{fields[9]}]" in sockets:
                address, _, port = fields[1].partition(":")
                found.add((str(_address(address)), int(port, 16)))
    return found


def _address(kernels: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Words of 32 bits, each in the byte order of the machine."""
    words = struct.unpack(f">{len(kernels) // 8}I", bytes.fromhex(kernels))
    packed = struct.pack(f"={len(words)}I", *words)
    if len(packed) == 4:
        return ipaddress.IPv4Address(packed)
    six = ipaddress.IPv6Address(packed)
    return six.ipv4_mapped or six
