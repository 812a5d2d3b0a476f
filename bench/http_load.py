"""wrk against the edge: many viewers, each request of another one at random."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

_DEBIAN = Path(".tools/debian/usr")
_SCRIPT = """
local tokens = {}
for line in io.lines("%(tokens)s") do tokens[#tokens + 1] = line end
math.randomseed(%(seed)d)
request = function()
  return wrk.format("GET", "%(path)s", { ["authorization"] = "Bearer " .. tokens[math.random(#tokens)] })
end
local bad = 0
response = function(status) if status ~= 200 then bad = bad + 1; wrk.thread:set("bad", bad) end end
local threads = {}
setup = function(thread) threads[#threads + 1] = thread; thread:set("bad", 0) end
done = function(summary, latency)
  local failed = 0
  for _, thread in ipairs(threads) do failed = failed + thread:get("bad") end
  local errors = summary.errors
  failed = failed + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("RESULT %%d %%f %%f %%f %%d\\n", summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, failed))
end
"""


@dataclass(frozen=True, slots=True)
class HttpLoad:
    """What wrk saw. Latencies in milliseconds; closed loop, so tails are lower bounds."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failed: int

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def tool(name: str) -> tuple[str, dict[str, str]]:
    """Path and environment of wrk or redis-benchmark, from PATH or from .tools (`tools/bench_tools.sh`)."""
    environment = dict(os.environ)
    if found := shutil.which(name):
        return found, environment
    libraries = str((_DEBIAN / "lib" / "x86_64-linux-gnu").resolve())
    return str((_DEBIAN / "bin" / name).resolve()), {**environment, "LD_LIBRARY_PATH": libraries}


async def load(edge: str, path: str, tokens: Path, *, connections: int, seconds: int) -> HttpLoad:
    """GET `path` for `seconds` over `connections`, a random line of the file `tokens` as bearer each time."""
    script = tokens.with_suffix(f".{connections}.lua")
    script.write_text(_SCRIPT % {"tokens": tokens, "path": path, "seed": connections})
    program, environment = tool("wrk")
    command = [program, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "5s", "-s", str(script), edge]
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=environment)
    printed = (await child.communicate())[0].decode()
    found = re.search(r"RESULT (\d+) ([\d.]+) ([\d.]+) ([\d.]+) (\d+)", printed)
    if not found:
        raise RuntimeError(f"wrk printed no result:\n{printed}")
    requests, duration, p50, p99, failed = found.groups()
    return HttpLoad(int(requests), float(duration), float(p50), float(p99), int(failed))
