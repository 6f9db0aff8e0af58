"""`python -m nodes.agent`: see `cli`."""

import os
import sys

# One thread of linear algebra: a recorder measures small arrays all day and must idle cheaply.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from nodes.agent.cli import main  # noqa: E402  (numpy reads the environment when loaded)

if __name__ == "__main__":
    sys.exit(main())
