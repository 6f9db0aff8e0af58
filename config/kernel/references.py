"""Ids in bodies are checked like ids in paths: absent or hidden is the same 404 `reference_not_found` (03 §8).

    class LocationBody(Serializer):
        site_id = ScopedReference("site", Perm.NODE_MANAGE, source="site")

`TallyViewSet.body` looks all references of a valid body up at once, one query for each kind and permission, and puts the rows in the place of
the ids (with `keep_id` the id stays). No other relation and no other `…Id` field stands in a body; a test walks them all.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rest_framework import serializers

from config.kernel.access import Actor, Perm, ports, require
from config.kernel.errors import ApiError
from config.kernel.serializers import Whole

EVERYTHING = "*"


class _Reference:
    """What the three fields share.

    kind       registered scope kind; `kind_from` names the sibling field that says it instead
    permission what the caller must hold on the row for it to exist for them
    needs      permission that naming anything here asks for beside the route's; refused with 403 first
    everything whether "*" may stand for all of a kind
    unknown_stays  an id that names nothing stays as it was written, for a service that knows which ones may
    """

    def __init__(
        self,
        kind: str,
        permission: Perm,
        *,
        kind_from: str = "",
        needs: Perm | None = None,
        keep_id: bool = False,
        everything: bool = False,
        unknown_stays: bool = False,
        **kwargs,
    ):
        self.kind, self.permission, self.kind_from, self.needs = kind, permission, kind_from, needs
        self.keep_id, self.everything, self.unknown_stays = keep_id, everything, unknown_stays
        super().__init__(**kwargs)

    def kind_in(self, holder) -> str:
        return holder.get(self.kind_from, "") if self.kind_from else self.kind


class ScopedReference(_Reference, serializers.UUIDField):
    """The id of one row of a kind."""


class NumberedReference(_Reference, Whole):
    """The same for kinds whose ids are numbers (groups)."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, min_value=1, max_value=2**31 - 1, **kwargs)


class AnyReference(_Reference, serializers.CharField):
    """The same where a sibling says the kind: any id as text (a number is taken, too)."""

    def __init__(self, permission: Perm, *, kind_from: str, **kwargs):
        super().__init__("", permission, kind_from=kind_from, max_length=64, **kwargs)


@dataclass
class _Named:
    """One id in a body: where it stands and what it names."""

    field: _Reference
    path: str
    kind: str
    holder: dict | list
    key: object

    @property
    def value(self):
        return self.holder[self.key]


def resolve(serializer: serializers.BaseSerializer, actor: Actor) -> None:
    """Replace the ids in the validated body of `serializer` by rows. ApiError permission_denied (`needs`), reference_not_found `{path}`."""
    named = list(_walk(serializer, serializer.validated_data, ""))
    for permission in dict.fromkeys(one.field.needs for one in named if one.field.needs):
        require(actor, permission)
    asked = [one for one in named if one.value is not None and not (one.field.everything and one.value == EVERYTHING)]
    found = _rows(asked, actor)
    for one in asked:
        row = found[one.kind, one.field.permission].get(str(one.value))
        if row is None and not one.field.unknown_stays:
            raise ApiError("reference_not_found", data={"path": one.path}, about=[(one.kind, one.value)])
        if row is not None and not one.field.keep_id:
            one.holder[one.key] = row


def _rows(asked: list[_Named], actor: Actor) -> dict[tuple[str, Perm], dict[str, object]]:
    ids: dict[tuple[str, Perm], set] = {}
    for one in asked:
        ids.setdefault((one.kind, one.field.permission), set()).add(one.value)
    return {(kind, permission): ports.rows_in_scope(kind, wanted, actor, permission) for (kind, permission), wanted in ids.items()}


def _walk(serializer, data, path: str) -> Iterator[_Named]:
    """Every reference of a validated body, in its order."""
    if isinstance(serializer, serializers.ListSerializer):
        for index, item in enumerate(data):
            yield from _walk(serializer.child, item, f"{path}[{index}]")
        return
    for name, field in serializer.fields.items():
        key = field.source_attrs[-1] if field.source_attrs else name
        if key in data:
            yield from _in_field(field, data, key, f"{path}.{name}" if path else name)


def _in_field(field, data: dict, key: str, path: str) -> Iterator[_Named]:
    value = data[key]
    if isinstance(field, _Reference):
        yield _Named(field, path, field.kind_in(data), data, key)
    elif isinstance(field, serializers.ListField) and isinstance(field.child, _Reference):
        yield from (_Named(field.child, f"{path}[{index}]", field.child.kind, value, index) for index in range(len(value)))
    elif isinstance(field, serializers.BaseSerializer) and value is not None:
        yield from _walk(field, value, path)
