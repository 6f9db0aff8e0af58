"""Whose media may be looked at: the sessions in reach; the routes narrow them to the caller."""

from django.db.models import QuerySet

from sessions.field.models import FieldSession


def sessions() -> QuerySet[FieldSession]:
    return FieldSession.objects.all()
