"""Serializer bases: snake_case attributes, camelCase on the wire, unknown fields refused, UTC milliseconds.

Declare fields in snake_case as usual; `get_fields` renames them for the wire and sets `source`. `validate_<snake>` and `get_<snake>` methods
keep working. Free-form objects are `FreeFormField`: their keys are never touched.
"""

import json
from datetime import UTC
from functools import cache, cached_property

from django.contrib.postgres.fields import ArrayField
from django.db import models
from rest_framework import serializers
from rest_framework.fields import Field, SkipField
from rest_framework.relations import PKOnlyObject

from config.kernel import clock
from config.kernel.names import FreeForm, camel


class UtcDateTimeField(serializers.DateTimeField):
    """RFC 3339; needs an offset on the way in (a naive time is an error, not a guess), UTC milliseconds on the way out."""

    default_error_messages = {"naive": "The time needs an offset, for example 2026-05-13T08:42:00Z."}

    def __init__(self, **kwargs):
        super().__init__(default_timezone=UTC, **kwargs)

    def enforce_timezone(self, value):
        if value.tzinfo is None:
            self.fail("naive")
        try:
            return value.astimezone(UTC)
        except OverflowError:
            self.fail("overflow")

    def to_representation(self, value):
        return value if isinstance(value, str) else clock.wire(value)


class FreeFormField(serializers.DictField):
    """A client's own mapping, kept as it is; bounded by its JSON size in bytes."""

    default_error_messages = {"too_large": "The object is larger than {limit} bytes."}

    def __init__(self, *, limit_bytes: int = 4096, **kwargs):
        self.limit_bytes = limit_bytes
        super().__init__(child=serializers.JSONField(allow_null=True), **kwargs)

    def to_internal_value(self, data):
        value = super().to_internal_value(data)
        if len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")) > self.limit_bytes:
            self.fail("too_large", limit=self.limit_bytes)
        return FreeForm(value)

    def to_representation(self, value):
        return FreeForm(value or {})


class MicroField(serializers.CharField):
    """µUSDC: a decimal string of a whole number, because JavaScript's numbers end at 2⁵³. On the way in 0 or more; `positive`: more than 0."""

    default_error_messages = {"invalid": "Whole µUSDC as a decimal string, 0 or more, at most 30 digits.", "positive": "More than 0."}

    def __init__(self, *, positive: bool = False, **kwargs):
        self.positive = positive
        super().__init__(**kwargs)

    def to_internal_value(self, data):
        text = str(data) if isinstance(data, (str, int)) and not isinstance(data, bool) else ""
        if not (text.isascii() and text.isdigit() and len(text) <= 30):
            self.fail("invalid")
        if self.positive and not int(text):
            self.fail("positive")
        return int(text)

    def to_representation(self, value):
        return str(int(value))


class CleanCharField(serializers.CharField):
    """Text without control characters (but line breaks where `multiline`); trimmed."""

    default_error_messages = {"control": "The text must not contain control characters."}

    def __init__(self, *, multiline: bool = False, **kwargs):
        self.multiline = multiline
        super().__init__(**kwargs)

    def to_internal_value(self, data):
        if isinstance(data, (int, float)):
            self.fail("invalid")
        value = super().to_internal_value(data)
        allowed = "\n\t\r" if self.multiline else ""
        if any((ord(char) < 32 or ord(char) == 127) and char not in allowed for char in value):
            self.fail("control")
        return value


class Switch(serializers.BooleanField):
    """true or false, and nothing that may pass for it."""

    def to_internal_value(self, data):
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class _JsonNumber:
    """A number of JSON's; neither text nor true."""

    def to_internal_value(self, data):
        if isinstance(data, bool) or not isinstance(data, (int, float)):
            self.fail("invalid")
        return super().to_internal_value(data)


class Number(_JsonNumber, serializers.FloatField):
    """See `_JsonNumber`."""


class Whole(_JsonNumber, serializers.IntegerField):
    """See `_JsonNumber`; without a fraction."""


@cache
def _reader(serializer):
    return serializer()


class _Wire:
    """Renames declared fields for the wire and refuses what is not declared."""

    @classmethod
    def show(cls, row) -> dict:
        """The shape of one row without a context. The serializer is kept: to build its fields costs more than to read them."""
        return _reader(cls).to_representation(row)

    def get_fields(self):
        renamed = {}
        for name, field in super().get_fields().items():
            wire_name = camel(name)
            if isinstance(field, serializers.SerializerMethodField) and field.method_name is None:
                field.method_name = f"get_{name}"
            if wire_name != name:
                if field.source is None and not isinstance(field, serializers.SerializerMethodField):
                    field.source = name
                if validator := getattr(self, f"validate_{name}", None):
                    setattr(self, f"validate_{wire_name}", validator)
            renamed[wire_name] = field
        return renamed

    def to_internal_value(self, data):
        if isinstance(data, dict):
            known = {name for name, field in self.fields.items() if not field.read_only}
            unknown = [key for key in data if key not in known]
            if unknown:
                raise serializers.ValidationError(
                    {str(key)[:100]: [serializers.ErrorDetail("This field is not known here.", code="unknown_parameter")] for key in unknown}
                )
        return super().to_internal_value(data)


class Serializer(_Wire, serializers.Serializer):
    """Base of every body and shape that is no model."""


class ModelSerializer(_Wire, serializers.ModelSerializer):
    """Base of every shape of a model."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.DateTimeField: UtcDateTimeField,
        models.CharField: CleanCharField,
        models.TextField: CleanCharField,
        ArrayField: serializers.ListField,
    }

    def to_representation(self, instance):
        """As DRF's, with what is the same for each row of a list worked out once: columns are read as attributes."""
        if type(instance) is not self.Meta.model:
            return super().to_representation(instance)
        shown = {}
        for name, column, field in self._columns:
            try:
                value = getattr(instance, column) if column else field.get_attribute(instance)
            except SkipField:
                continue
            nothing = value is None or (isinstance(value, PKOnlyObject) and value.pk is None)
            shown[name] = None if nothing else field.to_representation(value)
        return shown

    @cached_property
    def _columns(self) -> list[tuple]:
        """(wire name, column or None, field) of what is shown; without a column the field itself finds its value."""
        columns = {column.attname for column in self.Meta.model._meta.concrete_fields}
        return [
            (name, field.source if field.source in columns and type(field).get_attribute is Field.get_attribute else None, field)
            for name, field in self.fields.items()
            if not field.write_only
        ]


class NoBody(Serializer):
    """For actions that take nothing: any field is refused."""


class BulkIds(Serializer):
    """`{ids: [1–200]}` without duplicates."""

    ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=200)

    def validate_ids(self, value):
        if len(set(value)) != len(value):
            raise serializers.ValidationError("An id appears twice.", code="duplicate")
        return value
