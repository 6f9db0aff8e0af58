"""Django settings. Everything that differs between installations comes from the environment (docs/operations.md)."""

import gc
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from config import env

# Python looks for cycles after every 700 new objects, which is a fifth of the time that a start takes; later, too, there is little to be found.
gc.set_threshold(50_000, 10, 10)

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"
TALLYROOM_VAR = env.VAR
INSTANCE = env.instance()
INSTANCE_ID = env.text("TALLYROOM_INSTANCE_ID") or INSTANCE.get("id", "000000")

SECRET_KEY = env.secret("SECRET_KEY", "secret_key")
DEBUG = env.flag("DJANGO_DEBUG", False)
PUBLIC_ORIGIN = env.text("PUBLIC_ORIGIN") or INSTANCE.get("origin", "http://127.0.0.1:8000")
_origin = urlsplit(PUBLIC_ORIGIN)
HTTPS = _origin.scheme == "https"
ALLOWED_HOSTS = [*env.words("ALLOWED_HOSTS"), _origin.hostname, "127.0.0.1", "localhost", "[::1]"]
TRUSTED_PROXIES = env.words("TRUSTED_PROXIES")
METRICS_ALLOWED_NETWORKS = env.words("METRICS_ALLOWED_NETWORKS")
METRICS_LEVELS = env.flag("METRICS_LEVELS", False)

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "config.apps.TallyroomConfig",
    "config.kernel",
    "audit",
    "operators",
    "nodes",
    "sessions",
    "recordings",
    "config.admin_site.TallyAdminConfig",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "guardian",
    "axes",
    "channels",
]

MIDDLEWARE = [
    "config.kernel.middleware.RequestContextMiddleware",
    "config.kernel.middleware.ErrorEnvelopeMiddleware",
    "config.kernel.middleware.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.kernel.middleware.BodyLimitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.kernel.middleware.ActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "operators.console.context.console",
            ]
        },
    }
]


def _database(url: str) -> dict:
    """postgres://user:password@host:port/name?option=value as Django's DATABASES entry."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": env.integer("DATABASE_CONN_MAX_AGE", 60),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 5, **options},
    }


DATABASES = {"default": _database(env.secret("DATABASE_URL", "database_url") or "postgres://tallyroom@127.0.0.1/tallyroom")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.secret("REDIS_URL", "redis_url") or "redis://127.0.0.1:6379/0"

AUTH_USER_MODEL = "operators.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "operators.access.backend.AccessBackend"]
# Whether asking for a permission that does not exist raises, or is just refused.
STRICT_CODENAMES = env.flag("STRICT_CODENAMES", DEBUG)
ANONYMOUS_USER_NAME = None
GUARDIAN_MONKEY_PATCH_USER = False
SILENCED_SYSTEM_CHECKS = ["guardian.W001", "security.W008"]  # AccessBackend decides alone (03 §8); redirects are the edge's.
PASSWORD_HASHERS = ["operators.identity.hashers.TallyArgon2"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "email", "name")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/sign-in"
SIGN_IN_SECONDS = 12 * 3600
# Sign-in with a wallet (EIP-4361); 8453 is Base.
SIWE_CHAIN_ID = env.integer("SIWE_CHAIN_ID", 8453)
# Sign-in by a provider (docs/sign-in.md); off until the first two are set; without a secret it is a public client.
OIDC_ISSUER = env.text("OIDC_ISSUER")
OIDC_CLIENT_ID = env.text("OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = env.text("OIDC_CLIENT_SECRET")
OIDC_PROVISION = env.flag("OIDC_PROVISION", True)
OIDC_DEFAULT_ROLES = env.words("OIDC_DEFAULT_ROLES")
OIDC_ROLE_MAP = env.mapping("OIDC_ROLE_MAP")
OIDC_GROUP_MAP = env.mapping("OIDC_GROUP_MAP")

AXES_FAILURE_LIMIT = 5
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_COOLOFF_TIME = 0.25
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "config.kernel.context.client_address"
AXES_VERBOSE = False
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_ENABLE_ADMIN = False  # operators.identity.admin shows the attempts.
AXES_DISABLE_ACCESS_LOG = True  # SignIn rows and the audit say who signed in.
AXES_LOCKOUT_CALLABLE = "operators.identity.throttles.axes_says_nothing"

_secure = "__Host-" if HTTPS else ""
SESSION_ENGINE = "operators.identity.browser_sessions"
SESSION_COOKIE_NAME = f"{_secure}tr_s_{INSTANCE_ID}"
SESSION_COOKIE_AGE = SIGN_IN_SECONDS
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_NAME = f"{_secure}tr_csrf_{INSTANCE_ID}"
CSRF_COOKIE_SECURE = HTTPS
CSRF_FAILURE_VIEW = "config.kernel.views.csrf_failure"
CSRF_TRUSTED_ORIGINS = [PUBLIC_ORIGIN]
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.flag("EDGE_TLS", HTTPS):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env.text("STATIC_ROOT") or TALLYROOM_VAR / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if env.flag("STATIC_MANIFEST", (STATIC_ROOT / "staticfiles.json").is_file())
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_ROOT = Path(env.text("MEDIA_ROOT") or TALLYROOM_VAR / "media")
# Path prefix that the edge turns into files (X-Accel-Redirect); empty where there is no edge.
MEDIA_ACCEL_PREFIX = env.text("MEDIA_ACCEL_PREFIX")

# Media of field sessions (docs/media.md). EDGE_TOKEN_KEY signs publish and viewer tokens; without one they hang on SECRET_KEY.
MEDIA_PROVIDER = env.text("MEDIA_PROVIDER", "embedded")
EDGE_TOKEN_KEY = env.secret("EDGE_TOKEN_KEY", "edge_token_key") or f"media of {SECRET_KEY}"
# Where publishers and viewers reach the media edge, and where the controller reaches the embedded server behind it.
MEDIA_PUBLIC_URL = env.text("MEDIA_PUBLIC_URL") or PUBLIC_ORIGIN
MEDIA_CONTROL_URL = env.text("MEDIA_CONTROL_URL") or f"http://127.0.0.1:{INSTANCE.get('ports', {}).get('media', 8889)}"
# Where the embedded server tells what happened: the web process, not through the edge.
MEDIA_EVENTS_URL = env.text("MEDIA_EVENTS_URL") or f"http://127.0.0.1:{INSTANCE.get('ports', {}).get('web', 8000)}"
MEDIA_MAX_PUBLISHERS = env.integer("MEDIA_MAX_PUBLISHERS", 40)
MEDIA_MAX_VIEWERS = env.integer("MEDIA_MAX_VIEWERS", 200)
# ICE: servers as `[{"urls": "turn:…", "username"?, "credential"?}]`; only these addresses of this machine; further ones by which the world
# reaches it (NAT); and whether 127.0.0.1 is offered (always, where there is no other address).
MEDIA_ICE_SERVERS = env.objects("MEDIA_ICE_SERVERS")
MEDIA_ICE_ADDRESSES = env.words("MEDIA_ICE_ADDRESSES")
MEDIA_PUBLIC_ADDRESSES = env.words("MEDIA_PUBLIC_ADDRESSES")
MEDIA_ICE_LOOPBACK = env.flag("MEDIA_ICE_LOOPBACK", _origin.hostname in {"127.0.0.1", "localhost", "::1"})
MEDIAMTX_API_URL = env.text("MEDIAMTX_API_URL", "http://127.0.0.1:9997")
MEDIAMTX_WEBRTC_URL = env.text("MEDIAMTX_WEBRTC_URL", "http://127.0.0.1:8889")
MEDIAMTX_RTSP_URL = env.text("MEDIAMTX_RTSP_URL", "rtsp://127.0.0.1:8554")
MEDIAMTX_API_USER = env.text("MEDIAMTX_API_USER")
MEDIAMTX_API_PASSWORD = env.text("MEDIAMTX_API_PASSWORD")
CLOUDFLARE_API_URL = env.text("CLOUDFLARE_API_URL", "https://api.cloudflare.com")
CLOUDFLARE_ACCOUNT_ID = env.text("CLOUDFLARE_ACCOUNT_ID")
CLOUDFLARE_API_TOKEN = env.text("CLOUDFLARE_API_TOKEN")
CLOUDFLARE_WEBHOOK_SECRET = env.text("CLOUDFLARE_WEBHOOK_SECRET")
# Hosts besides the API's that URLs of the provider may name; a leading dot takes every host below.
CLOUDFLARE_STREAM_HOSTS = env.words("CLOUDFLARE_STREAM_HOSTS") or [".cloudflarestream.com", ".videodelivery.net"]
LIVEKIT_URL = env.text("LIVEKIT_URL")
LIVEKIT_API_KEY = env.text("LIVEKIT_API_KEY")
LIVEKIT_API_SECRET = env.text("LIVEKIT_API_SECRET")
LIVEKIT_HOSTS = env.words("LIVEKIT_HOSTS")
# A live session whose media stays away this long ends; 0: never.
ABANDON_AFTER_SECONDS = env.integer("ABANDON_AFTER_SECONDS", 900)
TELEMETRY_RETENTION_DAYS = env.integer("TELEMETRY_RETENTION_DAYS", 30)
# A MaxMind country file: whoever starts a session from another continent than its point is refused. Empty: nobody is asked.
GEOIP_FILE = env.text("GEOIP_FILE")

# Who moves the money of field sessions (docs/money.md): ledger, or evm.
SETTLEMENT_PROVIDER = env.text("SETTLEMENT_PROVIDER", "ledger")
EVM_RPC_URL = env.text("EVM_RPC_URL", "http://127.0.0.1:8545")
EVM_CHAIN_ID = env.integer("EVM_CHAIN_ID", SIWE_CHAIN_ID)
EVM_ESCROW_ADDRESS = env.text("EVM_ESCROW_ADDRESS", "")
EVM_TOKEN_ADDRESS = env.text("EVM_TOKEN_ADDRESS", "")
EVM_START_BLOCK = env.integer("EVM_START_BLOCK", 0)
EVM_MAX_FEE_GWEI = env.integer("EVM_MAX_FEE_GWEI", 50)
# The relayer's address, and its key in this process, or the signer that has it.
EVM_RELAYER_ADDRESS = env.text("EVM_RELAYER_ADDRESS", "")
EVM_RELAYER_KEY = env.text("EVM_RELAYER_KEY", "")
EVM_SIGNER_URL = env.text("EVM_SIGNER_URL", "")

# Bodies are bounded by BodyLimitMiddleware per route; Django's own limit must not answer first with HTML.
DATA_UPLOAD_MAX_MEMORY_SIZE = None
JSON_BODY_LIMIT_BYTES = 1024 * 1024

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["config.kernel.authentication.TallyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["config.kernel.guard.Guard"],
    "DEFAULT_RENDERER_CLASSES": ["config.kernel.wire.EnvelopeRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.kernel.wire.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "config.kernel.wire.Negotiation",
    "DEFAULT_SCHEMA_CLASS": "config.kernel.openapi.TallyAutoSchema",
    "EXCEPTION_HANDLER": "config.kernel.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
API_VERSIONS = ["2024-11-11", "2025-06-19", "2026-11-23"]
SPECTACULAR_SETTINGS = {
    "TITLE": "Tallyroom",
    "DESCRIPTION": "The control room for live media. Success is `{data}`, errors are `{code, transient, message, data?}`.",
    "VERSION": API_VERSIONS[-1],
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "DEFAULT_GENERATOR_CLASS": "config.kernel.openapi.Generator",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["config.kernel.openapi.finish"],
    "PREPROCESSING_HOOKS": ["config.kernel.openapi.only_api"],
}
RATE_LIMIT_ENABLED = env.flag("RATE_LIMIT_ENABLED", True)

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "control"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "socket_connect_timeout": 3, "socket_timeout": 30}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BEAT_SCHEDULE_FILENAME = str(TALLYROOM_VAR / "run" / "celerybeat-schedule")
CELERY_TIMEZONE = "UTC"

# Times of the spec, each in seconds; the fault tests scale them.
NODE_DEGRADED_AFTER_SECONDS = env.number("NODE_DEGRADED_AFTER_SECONDS", 20)
NODE_OFFLINE_AFTER_SECONDS = env.number("NODE_OFFLINE_AFTER_SECONDS", 120)
HEALTH_KEEP_FIRING_SECONDS = env.number("HEALTH_KEEP_FIRING_SECONDS", 60)
JOB_LEASE_SECONDS = env.number("JOB_LEASE_SECONDS", 60)
JOB_NOT_CLAIMED_SECONDS = env.number("JOB_NOT_CLAIMED_SECONDS", 300)
JOB_NODE_LOST_SECONDS = env.number("JOB_NODE_LOST_SECONDS", 24 * 3600)
TRASH_SECONDS = env.number("TRASH_SECONDS", 24 * 3600)
AUDIT_SIGNING_KEY = env.text("AUDIT_SIGNING_KEY") or str(TALLYROOM_VAR / "secrets" / "audit.pem")
AUDIT_ANCHORS = TALLYROOM_VAR / "audit" / "anchors.jsonl"
AUDIT_ANCHOR_URL = env.text("AUDIT_ANCHOR_URL")
# Whole months that stay in the database; 0: all. Older ones are archived to files (docs/audit.md).
AUDIT_RETENTION_MONTHS = env.integer("AUDIT_RETENTION_MONTHS", 13)
AUDIT_ARCHIVE_ROOT = MEDIA_ROOT / "audit"
# The owner of the audit's tables, where web and workers are another role.
_audit_owner = env.secret("AUDIT_OWNER_URL", "audit_owner_url")
AUDIT_OWNER_DATABASE = _database(_audit_owner) if _audit_owner else None

# Entered addresses (webhooks, notices) may be private ones, too (docs/webhooks.md).
OUTBOUND_ALLOW_PRIVATE = env.flag("OUTBOUND_ALLOW_PRIVATE", False)

LOGGING_CONFIG = "config.kernel.logs.configure"
LOGGING = {"level": env.text("LOG_LEVEL", "INFO")}
