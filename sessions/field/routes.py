"""The base of every route on a session: who sees it, and for which side a call may be made (05 §2).

class TelemetryViewSet(SessionRoutes):
    routes = {"create": Route(Perm.SESSIONS_OPERATE, exempt=PARTIES, errors=(*SIDE_ERRORS, "invalid_state"))}

    def create(self, request, id):
        session = self.acting(Side.OPERATOR)          # 404 hidden · 403 the wrong side, or no right on the right one
"""

from config.kernel import idempotency
from config.kernel.access import Actor, Kind, Perm, holds, refusal
from config.kernel.errors import ApiError
from config.kernel.viewsets import TallyViewSet
from sessions.field import parties, selectors, services
from sessions.field.models import FieldSession
from sessions.field.states import Side

PARTIES = "the parties to a session, who pay or are paid, may always act"
SIDE_ERRORS = ("consumer_side_required", "operator_side_required", "workspace_suspended")


class SessionRoutes(TallyViewSet):
    """See the module. Reading is for both sides, roles of the installation, and suppliers to whom the request is open."""

    read_permission = Perm.SESSIONS_READ
    # Who may call it by either of two permissions names both; the guard can ask for one only.
    either: dict[str, tuple[Perm, ...]] = {}
    lookup_url_kwarg = "id"

    def get_queryset(self):
        return selectors.sessions()

    def asked(self) -> tuple[Perm, ...]:
        """The permissions that open this action."""
        return self.either.get(self.action) or ((self.route.permission,) if self.route.permission else ())

    def rows(self, permission: Perm | None = None):
        return selectors.in_reach(self.get_queryset(), self.actor, *((permission,) if permission else self.asked()))

    def queryset_is_scoped(self) -> bool:
        return bool(self.asked())

    def check_permissions(self, request):
        super().check_permissions(request)
        asked = self.either.get(self.action)
        if asked and not any(holds(self.actor, permission) for permission in asked):
            raise lacking(self.actor, asked)

    def get_object(self) -> FieldSession:
        """The session of the path for whoever sees it, by whatever permission; 404 alike for absent and hidden."""
        permissions = dict.fromkeys([*self.asked(), Perm.SESSIONS_READ])
        found = selectors.in_reach(self.get_queryset(), self.actor, *permissions).filter(pk=self.kwargs[self.lookup_url_kwarg]).first()
        if found is None:
            raise ApiError("not_found")
        return found

    def acting(self, *wanted: Side, session: FieldSession | None = None) -> FieldSession:
        """The session, if the actor stands on one of these sides; `self.side` is the first that fits. ApiErrors of `parties.standing_on`."""
        session = session or self.get_object()
        self.side = parties.standing_on(self.actor, session, wanted)
        return session

    def settling(self, call):
        """`call()`; a refusal by the session's state first moves what is overdue, in a transaction of its own, whatever becomes of this request."""
        try:
            return call()
        except ApiError as error:
            if error.code == "invalid_state":
                pk = self.kwargs[self.lookup_url_kwarg]
                idempotency.after_rollback(self.request, lambda: services.expire_if_due(pk))
                state = services.state_now(pk)
                if state:
                    error.data = {**(error.data or {}), "state": state}
            raise


def lacking(actor: Actor, asked: tuple[Perm, ...]) -> ApiError:
    """403 naming what lacks: of a key, what its workspace could have given it."""
    permission = asked[0]
    if actor.kind is Kind.API_KEY and Perm.SESSIONS_OPERATE in asked and "CONSUMER" not in actor.subject.workspace.roles:
        permission = Perm.SESSIONS_OPERATE
    return refusal(actor, permission)
