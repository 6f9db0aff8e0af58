"""Run a command as a numeric user id: `python -I as_user.py UID COMMAND…`.

Supervisor's own `user=` insists on an account. Started by path and without the project, so that it costs little.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    uid = int(arguments[0])
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    # Changing the user clears what the supervisor had set: end with it, by the database's fast shutdown.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
    os.execv(arguments[1], arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
