"""Prices in the admin: saving the price in force makes its next version; corridors; quotes to look at."""

from django.contrib import admin

from config.kernel.access import Perm
from config.kernel.admin import TallyAdmin
from sessions.pricing import policies
from sessions.pricing.models import Corridor, PricingPolicy, Quote


@admin.register(PricingPolicy)
class PricingPolicyAdmin(TallyAdmin):
    """Add a version to change the price; none is ever edited."""

    view_permission = Perm.SETTINGS_READ
    add_permission = Perm.SETTINGS_MANAGE
    list_display = ["version", "base_rate_micro", "fee_bps", "dynamic", "note", "created_by_label", "created_at"]
    list_filter = ["dynamic"]
    fields = ["base_rate_micro", "fee_bps", "dynamic", "note"]

    def create(self, request, obj, form):
        return policies.set_policy(actor=request.actor, **form.cleaned_data)


@admin.register(Corridor)
class CorridorAdmin(TallyAdmin):
    view_permission = Perm.SETTINGS_READ
    add_permission = change_permission = delete_permission = Perm.SETTINGS_MANAGE
    list_display = ["name", "factor_bps", "priority", "enabled", "updated_at"]
    list_filter = ["enabled"]
    search_fields = ["name"]
    fields = ["name", "polygon", "factor_bps", "priority", "enabled"]

    def create(self, request, obj, form):
        return policies.save_corridor(actor=request.actor, **form.cleaned_data)

    def update(self, request, obj, form):
        policies.save_corridor(actor=request.actor, corridor=obj, **{name: form.cleaned_data[name] for name in form.changed_data})

    def remove(self, request, obj):
        policies.delete_corridor(actor=request.actor, corridor=obj)


@admin.register(Quote)
class QuoteAdmin(TallyAdmin):
    view_permission = Perm.PRICING_READ
    list_display = ["id", "workspace", "environment", "rate_micro", "fee_bps", "duration_seconds", "created_at", "expires_at", "used_by"]
    list_filter = ["environment"]
    list_select_related = ["workspace", "used_by"]
