"""Admin screens of sites, rooms, nodes, interfaces and credentials. What changes goes through the services; no secret is ever shown."""

from django import forms
from django.contrib import admin, messages
from rest_framework import serializers

from config.kernel.access import Perm
from config.kernel.admin import ReadOnlyInline, TallyAdmin
from nodes.fleet import credentials, services, sites
from nodes.fleet.models import Channel, Interface, Node, NodeCredential, NodeState, Room, Site
from nodes.fleet.serializers import timezone_known
from operators.access.grants_admin import GrantsAdmin


class SiteForm(forms.ModelForm):
    """Name, place and clock of a site."""

    class Meta:
        model = Site
        fields = ["name", "slug", "timezone", "notes"]

    def clean_timezone(self):
        value = self.cleaned_data["timezone"]
        try:
            return timezone_known(value)
        except serializers.ValidationError as error:
            raise forms.ValidationError("Not an IANA time zone, like Europe/Berlin.") from error


@admin.register(Site)
class SiteAdmin(GrantsAdmin):
    """Places with recorders."""

    view_permission = Perm.NODE_READ
    add_permission = change_permission = delete_permission = Perm.NODE_MANAGE
    form = SiteForm
    list_display = ["name", "slug", "timezone"]
    search_fields = ["name", "slug"]

    def create(self, request, obj, form):
        return sites.create(actor=request.actor, body=form.cleaned_data)

    def update(self, request, obj, form):
        sites.edit(actor=request.actor, site=obj, body={name: form.cleaned_data[name] for name in form.changed_data})

    def remove(self, request, obj):
        sites.delete(actor=request.actor, site=obj)


@admin.register(Room)
class RoomAdmin(TallyAdmin):
    """Rooms, made on first use in a location."""

    view_permission = Perm.NODE_READ
    list_display = ["name", "site", "building", "floor"]
    list_select_related = ["site"]
    search_fields = ["name", "building"]


class StateInline(ReadOnlyInline):
    model = NodeState
    view_permission = Perm.NODE_READ
    fields = readonly_fields = ["hostname", "agent_version", "last_seen_at", "reported_status", "capturing_count", "free_slots", "ip_addresses"]


class InterfaceInline(ReadOnlyInline):
    model = Interface
    view_permission = Perm.NODE_READ
    fields = readonly_fields = ["system_name", "alias", "backend", "channel_count", "state", "enabled"]
    show_change_link = True


class CredentialInline(ReadOnlyInline):
    model = NodeCredential
    view_permission = Perm.NODE_MANAGE
    fields = readonly_fields = ["prefix", "last_four", "state", "deliver", "last_used_at", "expires_at", "revoked_at"]


@admin.register(Node)
class NodeAdmin(GrantsAdmin):
    """Recorder machines. Enrolling and retiring are the console's; here a person's columns are corrected."""

    view_permission = Perm.NODE_READ
    change_permission = Perm.NODE_MANAGE
    list_display = ["alias", "site", "room", "max_concurrent_recordings", "retired_at"]
    list_filter = ["site"]
    list_select_related = ["site", "room"]
    search_fields = ["alias", "notes"]
    fields = [
        "alias",
        "notes",
        "tags",
        "max_concurrent_recordings",
        "site",
        "building",
        "floor",
        "room",
        "audio_defaults",
        "retired_at",
        "config_revision",
    ]
    readonly_fields = ["site", "building", "floor", "room", "audio_defaults", "retired_at", "config_revision"]
    inlines = [StateInline, InterfaceInline, CredentialInline]

    def update(self, request, obj, form):
        body = {name: form.cleaned_data[name] for name in ("alias", "notes", "tags") if name in form.changed_data}
        if "max_concurrent_recordings" in form.changed_data:
            body["recording_capacity"] = {"max_concurrent_recordings": form.cleaned_data["max_concurrent_recordings"]}
        services.edit(actor=request.actor, node=obj, body=body)


class ChannelInline(ReadOnlyInline):
    model = Channel
    view_permission = Perm.NODE_READ
    fields = readonly_fields = ["index", "alias", "role"]


@admin.register(Interface)
class InterfaceAdmin(TallyAdmin):
    """Audio inputs, as reported and as named by people."""

    view_permission = Perm.NODE_READ
    change_permission = Perm.NODE_MANAGE
    list_display = ["label", "node", "backend", "channel_count", "state", "enabled"]
    list_filter = ["backend", "state"]
    list_select_related = ["node"]
    search_fields = ["alias", "system_name", "node__alias"]
    fields = [
        "node", "alias", "enabled", "monitor", "system_name", "system_ref", "hardware_path", "serial_number", "backend", "sample_rates", "channel_count",
        "state", "error", "xruns", "reported_at",
    ]  # fmt: skip
    inlines = [ChannelInline]

    def get_readonly_fields(self, request, obj=None):
        return [name for name in self.fields if name not in {"alias", "enabled", "monitor"}]

    def update(self, request, obj, form):
        services.edit_interface(actor=request.actor, interface=obj, body={name: form.cleaned_data[name] for name in form.changed_data})


@admin.register(NodeCredential)
class NodeCredentialAdmin(TallyAdmin):
    """Prefix and last four of every credential; *revoke* ends the chosen ones."""

    view_permission = Perm.NODE_MANAGE
    list_display = ["__str__", "node", "state", "deliver", "created_at", "last_used_at", "expires_at", "revoked_at"]
    list_filter = ["state"]
    list_select_related = ["node"]
    search_fields = ["node__alias", "last_four"]
    fields = ["node", "prefix", "last_four", "state", "deliver", "created_at", "confirmed_at", "last_used_at", "expires_at", "revoked_at"]
    actions = ["revoke"]

    @admin.action(description="Revoke the chosen credentials now")
    def revoke(self, request, queryset):
        for credential in queryset.select_related("node"):
            credentials.revoke(actor=request.actor, credential=credential)
        messages.success(request, "Revoked. A machine that was left without one is enrolled again or rotated.")
