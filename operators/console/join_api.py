"""`/operator/join`: the invite link in a browser. The same door as register, but what a guest gets is Django's session cookie and no token (04 §1)."""

from django.middleware.csrf import rotate_token
from rest_framework.response import Response

from config.kernel import guard
from config.kernel.access import ANONYMOUS, Kind, Route
from config.kernel.documenting import extend_schema
from config.kernel.viewsets import TallyViewSet
from operators.console import identity, invites, registration
from operators.console.brake import bounded
from operators.console.serializers import InviteLook, InviteToken, JoinBody, Joined
from operators.identity.signing_in import demand_same_origin

_PEOPLE = "people, not production"
_REFUSALS = ("invite_invalid", "invite_expired", "invite_revoked", "invite_used_up")


class JoinViewSet(TallyViewSet):
    """What the page behind an invite link asks."""

    routes = {
        "check": Route(public=True, exempt=_PEOPLE, errors=_REFUSALS),
        "join": Route(
            public=True,
            exempt=_PEOPLE,
            errors=(*_REFUSALS, "csrf_failed", "duplicate_name", "operator_exists", "limit_reached", "credential_not_accepted"),
        ),
    }
    stores_replies = False

    @extend_schema(request=InviteToken, responses={200: InviteLook})
    def check(self, request):
        """What the invite would let one in as; nothing is used up."""
        with bounded(request._request):
            invite = invites.usable(self.body(InviteToken)["invite_token"])
        data = {"role": invite.role, "label": invite.label, "expires_at": invite.expires_at}
        return Response(self.shape(data, InviteLook), headers={"Cache-Control": "no-store"})

    @extend_schema(request=JoinBody, responses={200: Joined})
    def join(self, request):
        """Registers: a signed-in user keeps their sign-in and is linked, anybody else is a guest whose browser now holds the cookie."""
        plain = request._request
        demand_same_origin(plain)
        with bounded(plain):
            # A guest who follows another link begins anew in this browser.
            actor = ANONYMOUS if self.actor.kind is Kind.CONSOLE_OPERATOR and self.actor.by_cookie else self.actor
            if actor.kind not in (Kind.USER, Kind.ANONYMOUS):
                raise guard.not_accepted(actor, self.route)
            body = self.body(JoinBody)
            invite = invites.usable(body["invite_token"])
            name = registration.checked_name(body["name"])
            operator, _token = registration.register(actor=actor, invite=invite, name=name, role=None, public_id=None)
        if operator.guest:
            identity.bind_cookie(plain, operator)
            rotate_token(plain)
        data = {"id": operator.public_id, "name": operator.name, "role": operator.role, "guest": operator.guest}
        return Response(data, headers={"Cache-Control": "no-store"})
