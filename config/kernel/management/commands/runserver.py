"""The development server: daphne's, for pages and sockets alike.

Here, since daphne as an installed app would bring its server, Twisted and autobahn into each process.
"""

from daphne.management.commands.runserver import Command

__all__ = ["Command"]
