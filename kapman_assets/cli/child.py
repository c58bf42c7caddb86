"""Becomes another program after making sure that it ends: `python -m kapman_assets.cli.child program …`.

Set between fork and exec of the program itself, these two things would need a `preexec_fn`, which is unsafe
once a process has threads.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(command: list[str]) -> None:
    """Replace this process by `command`."""
    # A shell's background job inherits an ignored SIGINT, and Dagster would copy that to SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        # The kernel sends it when the parent is gone, however it went.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    os.execv(command[0], command)  # noqa: S606 commands are Kapman's own


if __name__ == "__main__":
    main(sys.argv[1:])
