"""`/auth/wallet/…`: a challenge to sign, and signing in with its signature (03 §4)."""

from rest_framework.response import Response

from config.kernel.access import Route
from config.kernel.documenting import extend_schema
from config.kernel.viewsets import TallyViewSet
from operators.identity import throttles
from operators.identity.services import refused
from operators.identity.signing_in import PublicPosts, demand_same_origin, signed_in
from operators.identity.wallets import services
from operators.identity.wallets.models import Purpose
from operators.identity.wallets.serializers import ChallengeBody, ChallengeShape, WalletSignedIn, WalletSignInBody
from operators.workspaces.selectors import memberships

_ACCOUNTS = "accounts are administration, no production command"
WALLET_TRIES = 30


class WalletViewSet(PublicPosts, TallyViewSet):
    """Signing in without a password. Public: the signature is what proves who asks."""

    routes = {
        "challenge": Route(public=True, kinds=frozenset(), exempt=_ACCOUNTS),
        "login": Route(
            public=True, kinds=frozenset(), exempt=_ACCOUNTS, errors=("challenge_invalid", "signature_invalid", "sign_in_failed", "csrf_failed")
        ),
    }

    @extend_schema(request=ChallengeBody, responses={200: ChallengeShape})
    def challenge(self, request):
        return challenge(self, Purpose.SIGN_IN)

    @extend_schema(request=WalletSignInBody, responses={200: WalletSignedIn})
    def login(self, request):
        demand_same_origin(request)
        throttles.count(request._request, "wallet_login", WALLET_TRIES)
        body = self.body(WalletSignInBody)
        address = body["wallet_address"]
        services.prove(address=address, nonce=body["nonce"], signature=body["signature"], purpose=Purpose.SIGN_IN)
        user = services.user_of_wallet(address=address)
        if not user.is_active:
            raise refused("sign_in_failed", wallet=address, purpose=Purpose.SIGN_IN.value)
        data = signed_in(self, user, cookie=body["cookie"])
        belongs = [{"id": row.workspace_id, "slug": row.workspace.slug, "name": row.workspace.name, "role": row.role} for row in memberships(user)]
        return Response(self.shape({**data, "wallet_address": address, "workspaces": belongs}, WalletSignedIn))


def challenge(view: TallyViewSet, purpose: Purpose) -> Response:
    """Answer a new challenge for the wallet of the body; the two routes that do count together."""
    throttles.count(view.request._request, "wallet_challenge", WALLET_TRIES)
    body = view.body(ChallengeBody)
    return Response(view.shape(services.challenge(address=body["wallet_address"], purpose=purpose), ChallengeShape))
