"""Wire forms of challenges and of signing in with a wallet."""

from rest_framework import serializers

from config.kernel.serializers import Serializer, Switch, UtcDateTimeField
from operators.identity.serializers import SignedIn
from operators.identity.wallets.siwe import checksummed


class AddressField(serializers.CharField):
    """An Ethereum address: all lower case, all upper case, or with the right EIP-55 checksum; EIP-55 inside."""

    default_error_messages = {"address": "{reason}"}

    def __init__(self, **kwargs):
        super().__init__(max_length=42, trim_whitespace=False, **kwargs)

    def to_internal_value(self, data):
        try:
            return checksummed(super().to_internal_value(data))
        except ValueError as error:
            self.fail("address", reason=str(error))


def _as_sent(**kwargs) -> serializers.CharField:
    """Junk in it is a bad credential (401), no malformed body."""
    return serializers.CharField(allow_blank=True, trim_whitespace=False, **kwargs)


class ChallengeBody(Serializer):
    """Whose signature is wanted."""

    wallet_address = AddressField()


class ChallengeShape(Serializer):
    """`message` is to be signed verbatim (EIP-191, `personal_sign`)."""

    nonce = serializers.CharField()
    message = serializers.CharField()
    expires_at = UtcDateTimeField()


class Signed(Serializer):
    """A signed challenge."""

    wallet_address = AddressField()
    nonce = _as_sent()
    signature = _as_sent(write_only=True)


class WalletSignInBody(Signed):
    """`cookie: false` answers a bearer token instead."""

    cookie = Switch(default=True)


class WorkspaceOfSigner(Serializer):
    """A workspace that the signer belongs to."""

    id = serializers.UUIDField()
    slug = serializers.CharField()
    name = serializers.CharField()
    role = serializers.CharField()


class WalletSignedIn(SignedIn):
    """As any sign-in, and what the wallet stands for."""

    wallet_address = serializers.CharField()
    workspaces = WorkspaceOfSigner(many=True)
