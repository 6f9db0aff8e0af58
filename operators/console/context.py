"""What every page of the console shows around its content: who is signed in, where they can go, which theme they chose."""

from django.templatetags.static import static
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from config.kernel.access import Kind, Perm, holds
from operators.workspaces.selectors import active_workspace_id, memberships

# (page, name of the route, words, icon, permission, key of `g …`) in four groups: Live, Capture, Assurance, Settings.
NAVIGATION = (
    (
        "Live",
        (
            ("overview", "Overview", "overview", Perm.NODE_READ, "o"),
            ("control-room", "Control room", "switcher", Perm.CONTROL_ROOM_READ, "c"),
            ("sessions", "Sessions", "session", Perm.SESSIONS_READ, "s"),
        ),
    ),
    ("Capture", (("nodes", "Fleet", "fleet", Perm.NODE_READ, "n"), ("recordings", "Library", "library", Perm.RECORDING_READ, "l"))),
    ("Assurance", (("audit", "Audit", "audit", Perm.AUDIT_READ, "a"),)),
    (
        "Settings",
        (
            ("people", "People", "person", Perm.AUTH_MANAGE, "p"),
            ("workspaces", "Workspaces", "folder", Perm.WORKSPACE_READ, "t"),
            ("developers", "Developers", "key", Perm.KEY_MANAGE, "k"),
            ("webhooks", "Webhooks", "output", Perm.WEBHOOK_MANAGE, "b"),
        ),
    ),
)
WALLET = ("wallet", "Wallet", "wallet", Perm.WALLET_READ, "w")
THEMES = {"dark", "light"}
THEME_COOKIE = "tr_theme"


def first_screen(actor) -> str:
    """The name of the route where somebody starts: the first of the rail that is theirs, else their own account."""
    return next((name for _, items in NAVIGATION for name, _, _, permission, _ in items if holds(actor, permission)), "account")


def console(request) -> dict:
    """Context processor. Lazy, because API and admin answers use templates too and need none of it."""
    return {"console": SimpleLazyObject(lambda: _console(request)), "icons": static("icons.svg")}


def _console(request) -> dict:
    actor = getattr(request, "actor", None)
    theme = request.COOKIES.get(THEME_COOKIE, "")
    shared = {"theme": theme if theme in THEMES else ""}
    if actor is not None and actor.kind is Kind.CONSOLE_OPERATOR and actor.by_cookie:
        return shared | _guest(actor)
    if actor is None or actor.kind is not Kind.USER:
        return shared
    user = actor.subject
    # Before a forced change of the password nothing else opens, so nothing else is offered.
    held = [] if actor.must_change_password else [perm.value for perm in Perm if holds(actor, perm)]
    return shared | {
        "name": user.name or actor.label,
        "initials": initials(user.name or actor.label),
        "is_staff": user.is_staff,
        "must_change_password": actor.must_change_password,
        "permissions": " ".join(held),
        "workspaces": [row.workspace for row in memberships(user)],
        "active_workspace_id": active_workspace_id(actor),
        "navigation": [(group, [_entry(*item) for item in items if item[3].value in held]) for group, items in NAVIGATION],
        "wallet": _entry(*WALLET) if WALLET[3].value in held else None,
    }


def _guest(actor) -> dict:
    """Somebody who came by an invite sees the control room and nothing around it."""
    return {
        "guest": True,
        "name": actor.label,
        "initials": initials(actor.label),
        "permissions": Perm.CONTROL_ROOM_READ.value,
        "navigation": [(group, [_entry(*item) for item in items if item[0] == "control-room"]) for group, items in NAVIGATION],
    }


def _entry(name, words, icon, _permission, key) -> dict:
    return {"page": name, "href": reverse(name), "words": words, "icon": icon, "key": key}


def initials(name: str) -> str:
    """Alice Marchetti → AM; alice@example.org → AE."""
    words = [word for word in name.replace("@", " ").replace(".", " ").split() if word]
    return "".join(word[0] for word in words[:2]).upper() or "?"
