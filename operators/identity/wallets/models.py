"""Wallets that people sign in with, and the challenges they sign (03 §4)."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from config.kernel.ids import uuid7


class Purpose(models.TextChoices):
    """What a signature is for; it stands in the signed text, and a challenge serves one only."""

    SIGN_IN = "sign-in"
    CREATE_WORKSPACE = "create-workspace"


class Wallet(models.Model):
    """This address signs in as this user. `address` is EIP-55, unique whatever its case."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="wallets")
    address = models.CharField(max_length=42)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(Lower("address"), name="wallet_once")]

    def __str__(self):
        return self.address


class WalletChallenge(models.Model):
    """A text to sign, as it was handed out; one try, whatever comes of it.

    message   verified as stored: nothing that a client sends is parsed
    used_at   set by the one conditional UPDATE that consumes it
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    nonce = models.CharField(max_length=32, unique=True)
    address = models.CharField(max_length=42)
    purpose = models.CharField(max_length=16, choices=Purpose)
    message = models.TextField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["expires_at"], name="wallet_challenge_expiry")]

    def __str__(self):
        return f"{self.purpose} of {self.address}"
