"""The base of every admin screen: permissions of the catalogue, scoped rows, saves through services.

    @admin.register(Node)
    class NodeAdmin(TallyAdmin):
        view_permission = Perm.NODE_READ
        change_permission = Perm.NODE_MANAGE            # None (the default): nobody adds, changes or deletes here
        list_display = ["alias", "site"]

        def update(self, request, obj, form):           # `create`, `remove` likewise, where the permission is given
            services.patch_node(actor=request.actor, node=obj, changes=form.cleaned_data)

`obj` in `update` is the row as it is in the database; what the form holds is in `form.cleaned_data` and `form.changed_data`.
"""

from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpResponseRedirect

from config.kernel import context
from config.kernel.access import Perm, ports
from config.kernel.errors import ApiError


class _Permitted:
    """view/add/change/delete asked of `decide`; None refuses everyone."""

    view_permission: Perm | None = None
    add_permission: Perm | None = None
    change_permission: Perm | None = None
    delete_permission: Perm | None = None

    def _allowed(self, request, permission: Perm | None, obj=None) -> bool:
        return permission is not None and ports.decide(request.actor, permission, obj).allowed

    def has_view_permission(self, request, obj=None):
        return self._allowed(request, self.view_permission, obj)

    def has_add_permission(self, request, obj=None):
        return self._allowed(request, self.add_permission)

    def has_change_permission(self, request, obj=None):
        return self._allowed(request, self.change_permission, obj)

    def has_delete_permission(self, request, obj=None):
        return self._allowed(request, self.delete_permission, obj)


class TallyAdmin(_Permitted, admin.ModelAdmin):
    """See the module."""

    list_per_page = 50
    show_full_result_count = False

    def get_queryset(self, request):
        return ports.scoped(super().get_queryset(request), request.actor, self.view_permission)

    def has_module_permission(self, request):
        return self.has_view_permission(request)

    def lookup_allowed(self, lookup, value, request=None):
        """By what the screen offers as a filter, alone: Django takes any column of the row, and what a screen never shows, a hash, could be read out
        letter by letter."""
        offered = [entry[0] if isinstance(entry, tuple) else getattr(entry, "parameter_name", entry) for entry in self.get_list_filter(request)]
        named = [name for name in [*offered, self.date_hierarchy] if name]
        return any(f"{lookup}__".startswith(f"{name}__") for name in named) and super().lookup_allowed(lookup, value, request)

    def create(self, request, obj, form):
        """Make the thing through its service; returns the row. Screens with `add_permission` override it."""
        raise ApiError("permission_denied")

    def update(self, request, obj, form):
        """Change the thing through its service. Screens with `change_permission` override it."""
        raise ApiError("permission_denied")

    def remove(self, request, obj):
        """Delete the thing through its service. Screens with `delete_permission` override it."""
        raise ApiError("permission_denied")

    def save_model(self, request, obj, form, change):
        context.current().permission = self.change_permission if change else self.add_permission
        if change:
            self.update(request, self.model._base_manager.get(pk=obj.pk), form)
        else:
            made = self.create(request, obj, form)
            obj.pk = made.pk
            obj._state.adding = False

    def save_related(self, request, form, formsets, change):
        """Services write relations, too."""

    def construct_change_message(self, request, form, formsets, add=False):
        """Formsets were not saved, so they have nothing to say."""
        return super().construct_change_message(request, form, [], add)

    def delete_model(self, request, obj):
        context.current().permission = self.delete_permission
        self.remove(request, obj)

    def get_deleted_objects(self, objs, request):
        """What goes along needs no permission of its own: the service decides about the whole."""
        deleted, counts, _asked_for, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, set(), protected

    @transaction.atomic
    def delete_queryset(self, request, queryset):
        """All of the chosen rows or none."""
        for obj in queryset:
            self.delete_model(request, obj)

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        return self._told(request, super().changeform_view, object_id, form_url, extra_context)

    def delete_view(self, request, object_id, extra_context=None):
        return self._told(request, super().delete_view, object_id, extra_context)

    def changelist_view(self, request, extra_context=None):
        # What is done to chosen rows changes them; deleting says so itself.
        context.current().permission = self.change_permission
        return self._told(request, super().changelist_view, extra_context)

    def _told(self, request, view, *args):
        """A service's refusal becomes a sentence on the page; the view's transaction has been rolled back by then."""
        try:
            return view(request, *args)
        except ApiError as error:
            if request.method != "POST":
                raise
            ports.refused(error, request, None)
            messages.error(request, error.message)
            return HttpResponseRedirect(request.get_full_path())


class ReadOnlyInline(_Permitted, admin.TabularInline):
    """Rows of a parent, to look at; shown to whoever sees the parent's screen with `view_permission`."""

    extra = 0
    max_num = 0
    can_delete = False

    def has_view_permission(self, request, obj=None):
        return self._allowed(request, self.view_permission)
