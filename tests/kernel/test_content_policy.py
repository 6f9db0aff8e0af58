"""What pages may talk to: this origin, and the hosts of media that is served elsewhere."""

import pytest

from config.kernel.content_policy import content_security_policy

ELSEWHERE = [
    ({}, []),
    ({"MEDIA_PUBLIC_URL": "https://media.example:8443/edge"}, ["https://media.example:8443"]),
    ({"MEDIA_PROVIDER": "mediamtx", "MEDIAMTX_WEBRTC_URL": "https://mtx.example:8889/"}, ["https://mtx.example:8889"]),
    (
        {"CLOUDFLARE_ACCOUNT_ID": "c0ffee", "CLOUDFLARE_STREAM_HOSTS": [".cloudflarestream.com", "video.example"]},
        ["https://*.cloudflarestream.com", "https://video.example"],
    ),
    ({"LIVEKIT_URL": "wss://live.example", "LIVEKIT_HOSTS": [".whip.example"]}, ["https://live.example", "https://*.whip.example"]),
]


@pytest.mark.parametrize(("set_to", "origins"), ELSEWHERE, ids=["here", "another edge", "mediamtx", "cloudflare", "livekit"])
def test_pages_may_send_to_the_media_that_is_set_up(settings, set_to, origins):
    for name, value in set_to.items():
        setattr(settings, name, value)
    directives = dict(part.strip().split(" ", 1) for part in content_security_policy().split(";"))
    assert directives["connect-src"].split() == ["'self'", *origins]
    assert directives["default-src"] == "'self'" and "unsafe" not in content_security_policy()


@pytest.mark.django_db
def test_every_answer_says_so(client):
    assert client.get("/healthz").headers["Content-Security-Policy"] == content_security_policy()
