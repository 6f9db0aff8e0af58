"""Benchmarks: what it costs, as a ratio to a peer measured in the same run. `python -m bench [row…] [--scale 1|10|100] [--quick]`.

house.py     PostgreSQL, Valkey and a media folder of our own, with Django on top
measure.py   rounds, in turns with the peer; exponents
calls.py     HTTP requests into the WSGI application, without a server in between
stacks.py    a whole `bin/up`, for the rows that need the edge or a browser
report.py    the table, and docs/performance.md
rows/        one module a row of the table
"""
