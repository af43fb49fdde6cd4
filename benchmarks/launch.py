"""Run a command and write what it cost: `python -I -S launch.py RESULT -- COMMAND …`.

A process of its own, and a small one, because the operating system counts the memory of whoever starts a command as
the command's peak until it has begun.
"""

import json
import os
import sys
import time


def main() -> None:
    result, command = sys.argv[1], sys.argv[3:]
    started_at = time.monotonic()
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status, used = os.wait4(pid, 0)
    wall = time.monotonic() - started_at
    unit = 1 if sys.platform == "darwin" else 1024
    cost = {
        "exit_code": os.waitstatus_to_exitcode(status),
        "started_at": started_at,
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_memory": used.ru_maxrss * unit,
    }
    with open(result, "w") as file:  # noqa: PTH123 - pathlib would double what this process imports
        json.dump(cost, file)


main()
