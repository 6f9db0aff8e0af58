"""Wire forms of the provider's configuration."""

from rest_framework import serializers

from config.kernel.serializers import Serializer


class ConfigShape(Serializer):
    """Whether people can sign in by the provider, and what is missing if not."""

    enabled = serializers.BooleanField()
    configured = serializers.BooleanField()
    login_available = serializers.BooleanField()
    missing_fields = serializers.ListField(child=serializers.CharField())
    client_id = serializers.CharField(required=False)
    issuer = serializers.CharField(required=False)
    redirect_uri = serializers.CharField(required=False)
    scopes = serializers.ListField(child=serializers.CharField())


class DiscoveryShape(Serializer):
    """What the provider says about itself."""

    issuer = serializers.CharField()
    authorization_endpoint = serializers.CharField()
    token_endpoint = serializers.CharField()
    jwks_uri = serializers.CharField()
    userinfo_endpoint = serializers.CharField(required=False)
