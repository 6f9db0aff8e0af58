"""Admin screens of this app, each defined in its capability."""

import nodes.fleet.admin  # noqa: F401 - registered by import
import nodes.health.admin  # noqa: F401 - registered by import
