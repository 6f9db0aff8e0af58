"""What a page of ours may load and talk to: everything from here, nothing inline; media and images may be blobs. And the media hosts, if those are others."""

import re
from urllib.parse import urlsplit

from django.conf import settings


def content_security_policy() -> str:
    """The header's value, by the settings."""
    connect = " ".join(["'self'", *media_origins()])
    return (
        f"default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; connect-src {connect}; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def media_origins() -> list[str]:
    """Where publishers' and viewers' pages send WHIP and WHEP beside this very origin: of every provider that is set up, since inputs stay with
    the one that made them."""
    urls, hosts = [settings.MEDIA_PUBLIC_URL], []
    if settings.MEDIA_PROVIDER == "mediamtx":
        urls.append(settings.MEDIAMTX_WEBRTC_URL)
    if settings.CLOUDFLARE_ACCOUNT_ID:
        hosts += settings.CLOUDFLARE_STREAM_HOSTS
    if settings.LIVEKIT_URL:
        urls.append(re.sub("^ws", "http", settings.LIVEKIT_URL))
        hosts += settings.LIVEKIT_HOSTS
    found = [_origin(url) for url in urls] + [f"https://{'*' if host.startswith('.') else ''}{host}" for host in hosts]
    return [origin for origin in dict.fromkeys(found) if origin != _origin(settings.PUBLIC_ORIGIN)]


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
