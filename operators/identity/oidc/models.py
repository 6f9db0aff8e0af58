"""Who people are to a provider, and logins under way (03 §3)."""

from django.conf import settings
from django.db import models

from config.kernel.ids import uuid7


class OidcIdentity(models.Model):
    """(issuer, subject) signs in as this user. Nothing else links the two: no e-mail, no name."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="oidc_identities")
    issuer = models.CharField(max_length=500)
    subject = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        verbose_name = "OIDC identity"
        verbose_name_plural = "OIDC identities"
        constraints = [models.UniqueConstraint(fields=["issuer", "subject"], name="oidc_identity_once")]

    def __str__(self):
        return f"{self.subject} at {self.issuer}"


class Mode(models.TextChoices):
    """How the sign-in is handed over: a token in the URL's fragment, or the browser's cookie."""

    TOKEN = "token"
    COOKIE = "cookie"


class Intent(models.TextChoices):
    """What the login is for: to sign in, or to link an identity to who is signed in."""

    SIGN_IN = "sign-in"
    LINK = "link"


class OidcState(models.Model):
    """A login that was sent to the provider and has not come back.

    state_digest, browser_digest   SHA-256 of the `state` parameter and of the cookie that binds it to one browser
    verifier   of PKCE, encrypted · nonce   that the ID token must repeat
    user_id, sign_in_id   who links (intent link), and by which sign-in
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    state_digest = models.BinaryField(max_length=32, unique=True)
    browser_digest = models.BinaryField(max_length=32)
    nonce = models.CharField(max_length=64)
    verifier = models.BinaryField()
    next = models.CharField(max_length=2048)
    mode = models.CharField(max_length=6, choices=Mode)
    intent = models.CharField(max_length=7, choices=Intent)
    user_id = models.UUIDField(null=True)
    sign_in_id = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        verbose_name = "OIDC login"
        indexes = [models.Index(fields=["expires_at"], name="oidc_state_expiry")]

    def __str__(self):
        return f"{self.intent} begun {self.created_at:%Y-%m-%d %H:%M}"
