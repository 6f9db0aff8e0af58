"""The trail in Django's admin: to look at and to export, for nobody to edit."""

import json
from datetime import UTC, datetime, timedelta

from django.contrib import admin
from django.core.paginator import Paginator
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode

from audit import holds_admin, months, selectors, verification, vocabulary
from audit.columns import EXPORT
from audit.models import AuditEvent, Outcome
from audit.verbs import EXPORTED
from config.kernel import exports
from config.kernel.access import Perm, holds, ports
from config.kernel.admin import TallyAdmin

__all__ = ["AuditEventAdmin", "holds_admin"]
COUNT_LIMIT = 10_000


class UncountedPaginator(Paginator):
    """Counts no further than COUNT_LIMIT rows, so a page of a large trail costs what a page costs."""

    @cached_property
    def count(self):
        return self.object_list.order_by()[:COUNT_LIMIT].count()


class WhenFilter(admin.SimpleListFilter):
    """Months, and the days of the chosen one; as id ranges, so that only their partition is read."""

    title = "time"
    parameter_name = "when"

    def lookups(self, request, model_admin):
        found = [(f"{month:%Y-%m}", f"{month:%B %Y}") for month in reversed(verification.months_recorded())]
        chosen = (self.value() or "")[:7]
        if chosen not in dict(found):
            return found
        month = months.parse_month(chosen)
        days = (months.next_month(month) - month).days
        at = [entry[0] for entry in found].index(chosen) + 1
        return (
            found[:at] + [(f"{month + timedelta(days=day):%Y-%m-%d}", f"· {month + timedelta(days=day):%d %b}") for day in range(days)] + found[at:]
        )

    def queryset(self, request, queryset):
        text = self.value()
        if not text:
            return queryset
        try:
            if len(text) == 7:
                month = months.parse_month(text)
                start, end = months.month_start(month), months.month_start(months.next_month(month))
            else:
                start = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
                end = start + timedelta(days=1)
        except (ValueError, OverflowError):
            return queryset.none()
        return queryset.filter(id__gte=months.floor_id(start), id__lt=months.floor_id(end))


class AreaFilter(admin.SimpleListFilter):
    """The first word of the verb."""

    title = "area"
    parameter_name = "area"

    def lookups(self, request, model_admin):
        return [(area, area) for area in sorted({verb.partition(".")[0] for verb in vocabulary.known()})]

    def queryset(self, request, queryset):
        return queryset.filter(verb__startswith=f"{self.value()}.") if self.value() else queryset


class OutcomeFilter(admin.SimpleListFilter):
    """How it ended."""

    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request, model_admin):
        return Outcome.choices

    def queryset(self, request, queryset):
        return queryset.filter(outcome=self.value()) if self.value() else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(TallyAdmin):
    """Read-only for everyone, owners too; what is shown is what the API would show (`selectors.visible`)."""

    view_permission = Perm.AUDIT_READ
    paginator = UncountedPaginator
    list_display = ["occurred_at", "verb", "outcome", "actor_label", "subject_label", "reason", "ip"]
    list_filter = [WhenFilter, AreaFilter, OutcomeFilter]
    search_fields = ["actor_label", "subject_label", "verb", "=request_id"]
    ordering = ["-id"]
    actions = ["export_selected_events"]
    fields = [
        "id", "occurred_at", "verb", "outcome", "reason", "actor_kind", "actor_id", "actor_label", "on_behalf_of_label", "subject_kind", "subject_id",
        "subject_label", "permission", "changes", "details", "correlation", "request", "method", "route", "status", "ip", "user_agent", "sign_in_id",
        "credential_prefix", "environment", "seal",
    ]  # fmt: skip
    readonly_fields = fields

    def get_queryset(self, request):
        return selectors.visible(request.actor, super(TallyAdmin, self).get_queryset(request))

    def has_view_permission(self, request, obj=None):
        allowed = holds(request.actor, self.view_permission)
        return allowed and (obj is None or selectors.visible(request.actor).filter(pk=obj.pk).exists())

    def get_actions(self, request):
        # Django's own "delete selected" needs no mention on a trail that can't be deleted.
        return {name: action for name, action in super().get_actions(request).items() if name == "export_selected_events"}

    @admin.action(description="Export selected events as CSV", permissions=["view"])
    def export_selected_events(self, request, queryset):
        rows = list(queryset.order_by("-id")[:COUNT_LIMIT])
        details = {"ids": [str(row.pk) for row in rows[:50]], "rows": len(rows), "via": "admin"}
        ports.record(EXPORTED, actor=request.actor, outcome=Outcome.ALLOWED, permission=self.view_permission, details=details)
        return exports.respond(request, rows, EXPORT, name="audit-events", kind="csv")

    @admin.display(description="Changes")
    def changes(self, obj):
        before, after = obj.before or {}, obj.after or {}
        lines = ((name, _text(before, name), _text(after, name)) for name in {**before, **after})
        body = format_html_join("", "<tr><th>{}</th><td>{}</td><td>{}</td></tr>", lines)
        return format_html("<table><thead><tr><th></th><th>before</th><th>after</th></tr></thead><tbody>{}</tbody></table>", body) if body else "–"

    @admin.display(description="Request")
    def request(self, obj):
        href = f"{reverse('admin:audit_auditevent_changelist')}?{urlencode({'q': obj.request_id})}"
        return format_html('<a href="{}">{}</a>', href, obj.request_id)

    @admin.display(description="Seal")
    def seal(self, obj):
        seal = selectors.seal_of(obj)
        return f"{seal['month']} · {seal['position']} · {seal['digest']}" if seal else "not sealed yet"


def _text(part: dict, name: str) -> str:
    return json.dumps(part[name], ensure_ascii=False) if name in part else ""
