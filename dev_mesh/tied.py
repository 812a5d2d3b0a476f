"""Becomes another program that dies with its parent: a supervisor killed with -9 leaves no orphans.

Run as `python -I -S tied.py PARENT_PID PROGRAM ARGUMENTS...`. Asking the kernel must happen in the new process, and a
preexec_fn is not safe beside threads. Without Linux the program runs all the same, only untied.
"""

import ctypes
import os
import signal
import sys

# <linux/prctl.h>: the signal that this process gets when its parent ends. It outlives execv.
_SET_PARENT_DEATH_SIGNAL = 1


def main() -> None:
    """Tie this process to its parent, then turn it into the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, int(signal.SIGKILL))
        if os.getppid() != parent:
            sys.exit("the supervisor ended before its child began")
    os.execv(program[0], program)  # noqa: S606 - an argument list of our own, no shell


if __name__ == "__main__":
    main()
