"""Holds on months, and the months that were archived. Only `system:admin` sees and places them; a hold is never edited."""

from django import forms
from django.contrib import admin, messages

from audit import holds, months
from audit.models import AuditArchive, AuditHold
from config.kernel.access import Perm
from config.kernel.admin import TallyAdmin


class HoldForm(forms.ModelForm):
    """Which month, and why."""

    month = forms.CharField(max_length=7, help_text="YYYY-MM")

    class Meta:
        model = AuditHold
        fields = ["month", "reason"]

    def clean_month(self):
        try:
            return months.parse_month(self.cleaned_data["month"])
        except ValueError as error:
            raise forms.ValidationError("A month, like 2026-05.") from error


@admin.register(AuditHold)
class AuditHoldAdmin(TallyAdmin):
    """Months that stay in the database; *release* ends the chosen holds."""

    view_permission = add_permission = Perm.SYSTEM_ADMIN
    form = HoldForm
    list_display = ["__str__", "reason", "placed_at", "placed_by", "released_at", "released_by"]
    list_filter = [("released_at", admin.EmptyFieldListFilter)]
    fields = ["month", "reason"]
    actions = ["release"]

    def create(self, request, obj, form):
        return holds.place(actor=request.actor, **form.cleaned_data)

    @admin.action(description="Release the chosen holds")
    def release(self, request, queryset):
        for hold in queryset.filter(released_at=None):
            holds.release(actor=request.actor, hold=hold)
        messages.success(request, "Released. What is due is archived with the next run.")


@admin.register(AuditArchive)
class AuditArchiveAdmin(TallyAdmin):
    """Months that were written out, with the SHA-256 of their files."""

    view_permission = Perm.SYSTEM_ADMIN
    list_display = ["month", "file", "sha256", "size_bytes", "rows", "written_at", "dropped_at"]
    fields = ["month", "file", "sha256", "size_bytes", "rows", "written_at", "dropped_at"]
