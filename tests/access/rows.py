"""The rows of `matrix.csv`, and everything that has to have one: routes and pages of the URLconf, socket topics, sockets, admin screens.

    method,route,permission,kinds,thing,where
    PATCH,/api/v1/nodes/<uuid:id>,node:manage,user,node,path

method      as in HTTP; SUBSCRIBE a topic of `/ws`; CONNECT a socket; SCREEN an admin screen and all its pages
permission  of the catalogue; "-" none; `~p`: asked only about the object; `p+q`: q in the service, too (`+owner`: an OWNER of the workspace; `+consumer`, `+operator`: that side of
            the session, not the installation).
            For a SCREEN: `view=p add=q change=r delete=s`
kinds       who is let in: user, key, node, console; `public` (a bad credential is refused), `anyone` (not even that), `page` (a browser's user,
            others are sent to sign in), `staff` (a user to whom the admin opens)
thing       what is asked about, an entry of `things.THINGS`; "-" nothing
where       how it is named: `path` (hidden: 404 not_found), `body` (hidden: 404 reference_not_found), `ids` (of a bulk body; one hidden: 404
            not_found), `list` (rows in reach are shown), `own` (each caller has one), `member` (only members of this workspace may name it),
            `shell` (a page that looks nothing up), `door` (only the door is asked here: 401 and 403; what stands behind it and for whom is asked by
            the capability's own tests), "-"
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

from config.asgi import application
from config.kernel import realtime
from config.kernel.access import Kind
from config.kernel.checks import api_routes

FILE = Path(__file__).with_name("matrix.csv")
KINDS = {Kind.USER: "user", Kind.API_KEY: "key", Kind.NODE: "node", Kind.CONSOLE_OPERATOR: "console", Kind.EPHEMERAL_TOKEN: "ephemeral"}
# The admin's own frame: where it sends people, and what belongs to a page that has a row.
ADMIN_FRAME = {
    "/admin/login/", "/admin/logout/", "/admin/password_change/", "/admin/password_change/done/", "/admin/autocomplete/", "/admin/jsi18n/",
    "/admin/r/<path:content_type_id>/<path:object_id>/", "/admin/(?P<url>.*)$",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One line of the file."""

    method: str
    route: str
    permission: str
    kinds: frozenset[str]
    thing: str
    where: str

    @property
    def key(self) -> tuple[str, str]:
        return self.method, self.route

    @property
    def door(self) -> str | None:
        """The permission asked before any object is looked up."""
        first = self.permission.partition("+")[0]
        return None if first == "-" or first.startswith("~") else first

    @property
    def on_object(self) -> str | None:
        first = self.permission.partition("+")[0].removeprefix("~")
        return None if first == "-" else first

    @property
    def extra(self) -> str:
        return self.permission.partition("+")[2]

    @property
    def screen(self) -> dict[str, str]:
        return dict(part.split("=") for part in self.permission.split())

    def __str__(self):
        return f"{self.method} {self.route}"


@cache
def rows() -> list[Row]:
    """The file, in its order."""
    with FILE.open(newline="") as lines:
        return [Row(line.pop("method"), line.pop("route"), kinds=frozenset(line.pop("kinds").split()), **line) for line in csv.DictReader(lines)]


def of(*methods: str) -> list[Row]:
    return [row for row in rows() if row.method in methods]


def calls() -> list[Row]:
    """Rows that are asked by HTTP."""
    return [row for row in rows() if row.method not in {"SUBSCRIBE", "CONNECT", "SCREEN"}]


@cache
def declared() -> dict[tuple[str, str], str]:
    """What there is: (method, route) → the line that the file should have, as far as the code says it."""
    found = {}
    viewsets = set()
    for path, view, actions in api_routes():
        viewsets.add(path)
        for method, action in actions.items():
            if method == "head" and actions.get("get") == action:
                continue  # it comes with GET
            route = view.routes[action]
            kinds = " ".join((["public"] if route.public else []) + [KINDS.get(kind, kind.value) for kind in Kind if kind in route.accepts])
            found[method.upper(), path] = f"{method.upper()},{path},{route.permission or '-'},{kinds},?,?"
    for path in _plain_routes():
        if path not in viewsets and not path.startswith("/admin/"):
            found["GET", path] = f"GET,{path},?,page,-,-"
    for model in admin.site._registry:
        path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        found["SCREEN", path] = f"SCREEN,{path},view=?,staff,?,-"
    for path in _admin_extras():
        found["GET", path] = f"GET,{path},?,staff,?,-"
    for name, topic in realtime._topics.items():
        route = name if topic.numbered else f"{name}:<id>"
        found["SUBSCRIBE", route] = f"SUBSCRIBE,{route},{topic.permission},user key,?,?"
    for pattern in application.application_mapping["websocket"].routes:
        found["CONNECT", str(pattern.pattern)] = f"CONNECT,{pattern.pattern},-,?,-,-"
    return found


def _plain_routes():
    def walk(patterns, prefix):
        for entry in patterns:
            path = prefix + str(entry.pattern)
            if isinstance(entry, URLResolver):
                yield from walk(entry.url_patterns, path)
            elif isinstance(entry, URLPattern):
                yield path

    return list(walk(get_resolver().url_patterns, "/"))


def _admin_extras():
    """Pages of the admin that belong to no screen's five."""
    usual = ("", "add/", "<path:object_id>/history/", "<path:object_id>/delete/", "<path:object_id>/change/", "<path:object_id>/")
    screens = {f"/admin/{model._meta.app_label}/{model._meta.model_name}/{page}" for model in admin.site._registry for page in usual}
    for path in _plain_routes():
        nested = "/user-manage/" in path or "/group-manage/" in path  # they only lead back to the page of the thing
        if path.startswith("/admin/") and path not in screens | ADMIN_FRAME and not nested and "app_label" not in path:
            yield path
