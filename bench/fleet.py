"""Sites, nodes, recordings and people for the rows, made in bulk by SQL where there are many."""

import time
from itertools import count
from uuid import UUID

import orjson

_numbers = count(1)


def site():
    from nodes.fleet.models import Site

    number = next(_numbers)
    return Site.objects.create(name=f"Site {number}", slug=f"site-{number}")


def node(at=None, *, capacity: int = 1):
    """A node that was heard just now."""
    from config.kernel import clock
    from nodes.fleet.models import Node, NodeState

    made = Node.objects.create(alias=f"rec-{next(_numbers)}", site=at or site(), max_concurrent_recordings=capacity)
    NodeState.objects.create(node=made, reported_status="ok", last_seen_at=clock.now())
    return made


def interface(of, *, channels: int):
    from nodes.fleet.models import Channel, Interface

    made = Interface.objects.create(
        node=of, channel_count=channels, system_name="XUSB", system_ref="hw:XUSB,0", backend="alsa", sample_rates=[48000], state="open"
    )
    Channel.objects.bulk_create([Channel(interface=made, index=index) for index in range(1, channels + 1)])
    return made


def recorder(*, channels: int = 2, capacity: int = 1):
    """(node, interface, token of its credential)."""
    from nodes.fleet import credentials

    made = node(capacity=capacity)
    return made, interface(made, channels=channels), credentials.issue(made)[1]


def features_json(of, interface) -> bytes:
    """A frame of the 1 s features as the agent posts it."""
    from nodes.meters import wire

    quality = (0.9, 0.05, 0.1, 0.0, 0.0)
    levels = tuple(
        wire.ChannelLevel(
            n, -31.2, -12.4, False, -12.1, -58.0, -23.1, -23.4, 0.0001, peer_channel_index=1 if n > 1 else 0, correlation=0.4, quality=quality
        )
        for n in range(1, interface.channel_count + 1)
    )
    frame = wire.MeterFrame(interface.pk, 7, time.time_ns() // 1000, 1000, levels)
    return orjson.dumps(wire.to_json(frame, node_id=str(of.pk)))


def person(*roles: str):
    """(user, token of a sign-in)."""
    from django.test import RequestFactory

    from config.kernel.access import system
    from operators.access.models import Role
    from operators.access.services import set_roles
    from operators.identity.models import User
    from operators.identity.services import sign_in

    email = f"person{next(_numbers)}@example.org"
    user = User.objects.create_user(email, None, email=email, name=email)
    set_roles(user=user, roles=[Role(role) for role in roles], actor=system("bench"))
    return user, sign_in(request=RequestFactory().post("/api/v1/auth/login"), user=user)[1]


def profile():
    """The default profile of the library."""
    from recordings.profiles.models import RecordingProfile

    found = RecordingProfile.objects.filter(is_default=True, kind="audio").first()
    return found or RecordingProfile.objects.create(name="Bench FLAC", codec="flac", bit_depth=16, is_default=True)


def uuid(number: int) -> UUID:
    """The id that the bulk statements give row `number` (`md5` as a uuid would be random; this is in time order, as ids are)."""
    return UUID(int=(0x019000000000 + number) << 80 | 0x7 << 76 | 0x8 << 60 | number)
