"""Run a command as a numeric user id: `python -I as_user.py UID COMMAND…`.

Supervisor's own `user=` insists on an account. Started by path and without the project, so that it costs little.
"""

import os
import sys


def main(arguments: list[str]) -> None:
    uid = int(arguments[0])
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    os.execv(arguments[1], arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
