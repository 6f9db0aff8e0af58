"""Sites: made, edited, deleted while no node is there."""

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.text import slugify

from config.kernel.access import Actor, Perm, ports
from config.kernel.errors import ApiError
from nodes.fleet.config import raise_revisions
from nodes.fleet.models import Node, Site
from nodes.fleet.services import snapshot, unique


@transaction.atomic
def create(*, actor: Actor, body: dict) -> Site:
    """ApiError duplicate_name (name or slug taken)."""
    site = Site(name=body["name"], slug=body.get("slug") or _free_slug(body["name"]), timezone=body["timezone"], notes=body.get("notes", ""))
    unique(site.save)
    _record("node.site.created", actor, site, after=snapshot(site))
    return site


def _free_slug(name: str) -> str:
    stem = slugify(name)[:50] or "site"
    taken = set(Site.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    return next(slug for number in range(1, len(taken) + 2) if (slug := stem if number == 1 else f"{stem}-{number}") not in taken)


@transaction.atomic
def edit(*, actor: Actor, site: Site, body: dict, check=lambda _row: None) -> Site:
    """`check(row)` sees the row under its lock (If-Match). ApiError duplicate_name."""
    site = Site.objects.select_for_update().get(pk=site.pk)
    check(site)
    before = snapshot(site)
    for name, value in body.items():
        setattr(site, name, value)
    after = snapshot(site)
    if after == before:
        return site
    site.revision += 1
    unique(site.save)
    if before["timezone"] != after["timezone"]:
        raise_revisions(Node.objects.filter(site=site).values_list("pk", flat=True))
    _record("node.site.updated", actor, site, before=before, after=after)
    return site


@transaction.atomic
def delete(*, actor: Actor, site: Site) -> None:
    """ApiError site_in_use, also by retired nodes: their recordings name the place."""
    in_use = Node.objects.filter(site=site).count()
    if in_use:
        raise ApiError("site_in_use", data={"nodes": in_use})
    _record("node.site.deleted", actor, site, before=snapshot(site))
    try:
        site.delete()
    except ProtectedError as error:
        raise ApiError("site_in_use") from error


def _record(verb: str, actor: Actor, site: Site, **facts) -> None:
    ports.record(verb, actor=actor, subject=("site", site.pk, site.name), outcome="succeeded", permission=Perm.NODE_MANAGE, **facts)
