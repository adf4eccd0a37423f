"""Kills a process at each step of writing two files together, and prints what is left: one line of JSON per step.

The process is a fork of this one, which has imported everything. A step is a call of one of the functions below.
"""

import json
import os
import signal
import sys
from pathlib import Path

from softgrad._files import write_together

CALLS = ("open", "write", "fsync", "replace", "rename", "link", "unlink", "mkdir")


def kill_at(step):
    """Replaces the calls by ones that count, and kill the process before the given one."""
    made = [0]

    def counting(call):
        def counted(*arguments, **options):
            if made[0] == step:
                os.kill(os.getpid(), signal.SIGKILL)
            made[0] += 1
            return call(*arguments, **options)

        return counted

    for name in CALLS:
        setattr(os, name, counting(getattr(os, name)))


def main(folder):
    paths = [folder / "model", folder / "metrics"]
    for step in range(100):
        for path in paths:
            path.write_text("old")
        process = os.fork()
        if process == 0:
            kill_at(step)
            write_together(dict.fromkeys(paths, b"new"))
            os._exit(0)
        _, status = os.waitpid(process, 0)
        left = {path.name: path.read_text() if path.exists() else None for path in paths}
        leftovers = len(list(folder.glob(".softgrad-*")))
        write_together({paths[0]: b"again"})
        cleaned = sorted(path.name for path in folder.iterdir() if path not in paths) == []
        print(json.dumps({**left, "killed": status != 0, "leftovers": leftovers, "cleaned": cleaned}))
        if status == 0:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
