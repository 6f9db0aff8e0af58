"""`/settings/recording-profiles` (07 §4)."""

from rest_framework.response import Response

from config.kernel.access import Perm, Route
from config.kernel.actions import Action, states
from config.kernel.documenting import extend_schema
from config.kernel.etags import etag, unless_changed
from config.kernel.filters import Choice, FilterSet, Flag
from config.kernel.viewsets import ListMixin, TallyViewSet
from recordings.profiles import services
from recordings.profiles.serializers import ProfileBody, ProfileSerializer
from recordings.profiles.states import Codec, MediaKind

_SETTING = "a setting, no production command"


class ProfileFilters(FilterSet):
    kind = Choice("kind", choices=MediaKind)
    codec = Choice("codec", choices=Codec)
    enabled = Flag("enabled")
    sorts = {"name": "name", "createdAt": "created_at"}
    default_sort = "name"
    search_fields = ("name",)


class ProfileViewSet(ListMixin, TallyViewSet):
    """How recordings are encoded."""

    routes = {
        "list": Route(Perm.SETTINGS_READ),
        "retrieve": Route(Perm.SETTINGS_READ),
        "actions": Route(Perm.SETTINGS_READ),
        "create": Route(Perm.SETTINGS_MANAGE, exempt=_SETTING, errors=("duplicate_name", "default_required")),
        "partial_update": Route(Perm.SETTINGS_MANAGE, exempt=_SETTING, errors=("duplicate_name", "default_required")),
        "destroy": Route(Perm.SETTINGS_MANAGE, exempt=_SETTING, errors=("profile_in_use", "default_required")),
    }
    filters = ProfileFilters
    serializer_class = ProfileSerializer
    read_permission = Perm.SETTINGS_READ

    def get_queryset(self):
        return services.profiles()

    def _reply(self, profile, status: int = 200, **headers) -> Response:
        return Response(self.shape(profile), status=status, headers={"ETag": etag(profile.pk, profile.revision), **headers})

    @extend_schema(responses={200: ProfileSerializer})
    def retrieve(self, request, id):  # noqa: A002 - the path's name
        return self._reply(self.get_object())

    @extend_schema(request=ProfileBody, responses={201: ProfileSerializer})
    def create(self, request):
        profile = services.create(actor=self.actor, body=self.body(ProfileBody))
        return self._reply(profile, 201, Location=f"/api/v1/settings/recording-profiles/{profile.pk}")

    @extend_schema(request=ProfileBody, responses={200: ProfileSerializer})
    def partial_update(self, request, id):  # noqa: A002
        profile = self.get_object()
        body = self.body(ProfileBody, partial=True, profile=profile)
        unchanged = unless_changed(request)

        def check(row):
            unchanged(row)
            self.body(ProfileBody, partial=True, profile=row)

        return self._reply(services.edit(actor=self.actor, profile=profile, body=body, check=check))

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request, id):  # noqa: A002
        services.delete(actor=self.actor, profile=self.get_object())
        return Response(status=204)

    @extend_schema(responses={200: dict})
    def actions(self, request, id):  # noqa: A002
        profile = self.get_object()
        path = f"/api/v1/settings/recording-profiles/{profile.pk}"
        possible = {
            "edit": Action("PATCH", Perm.SETTINGS_MANAGE, path),
            "delete": Action("DELETE", Perm.SETTINGS_MANAGE, path, code=services.delete_refusal(profile)),
        }
        return Response(states(possible, self.actor, profile))
