"""`manage.py errors_doc`: docs/errors.md from the registry and the routes that declare each code."""

import re
from collections import defaultdict

from django.conf import settings
from django.core.management.base import BaseCommand

from config.kernel.checks import api_routes
from config.kernel.error_codes import CODES

_CONVERTED = re.compile(r"<(?:\w+:)?(\w+)>")
HEAD = """# Error codes

Every error is flat JSON: `{"code", "transient", "message", "data"?}`. Program against `code`. `transient: true` means that the identical
request may succeed later and that repeating it cannot act twice. 401, 403, 404, 405, 406, 429 and 500 can come from any route; the last
column names the routes that declare the code for themselves. This page is made by `manage.py errors_doc`.

| code | status | transient | message | declared by |
|---|---|---|---|---|
"""


def text() -> str:
    """The page."""
    declared = defaultdict(set)
    for path, view, actions in api_routes():
        for method, action in actions.items():
            # Django adds HEAD to what answers GET once a route has been called; the page must not depend on that.
            if method == "head" and "get" in actions:
                continue
            shown = _CONVERTED.sub(r":\1", path)
            route = getattr(view, "routes", {}).get(action)
            for code in route.errors if route else ():
                declared[code].add(f"`{method.upper()} {shown}`")
    rows = [
        f"| `{code}` | {entry.status} | {'yes' if entry.transient else ''} | {entry.message} | {' · '.join(sorted(declared[code]))} |"
        for code, entry in sorted(CODES.items())
    ]
    return HEAD + "\n".join(rows) + "\n"


class Command(BaseCommand):
    help = "Write docs/errors.md"

    def handle(self, *args, **options):
        path = settings.BASE_DIR / "docs" / "errors.md"
        path.write_text(text())
        self.stdout.write(str(path))
