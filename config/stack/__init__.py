"""Process supervision: what `bin/up` starts, in which order, and how it is watched.

Imports no Django. `python -m config.stack` is the command line; `config.stack.postgres.start_temporary`,
`config.stack.valkey.start_temporary` and `config.stack.testing.Stack` are for tests.
"""
