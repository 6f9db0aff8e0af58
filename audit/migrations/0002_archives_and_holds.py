"""Where archived months went, and which months must stay."""

from django.db import migrations, models
from django.db.models import Q

import config.kernel.ids


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="AuditArchive",
            fields=[
                ("month", models.DateField(primary_key=True, serialize=False)),
                ("file", models.CharField(max_length=120)),
                ("sha256", models.CharField(max_length=64)),
                ("size_bytes", models.BigIntegerField()),
                ("rows", models.BigIntegerField()),
                ("written_at", models.DateTimeField()),
                ("dropped_at", models.DateTimeField(null=True)),
            ],
            options={"db_table": "audit_archive", "default_permissions": (), "ordering": ["-month"]},
        ),
        migrations.CreateModel(
            name="AuditHold",
            fields=[
                ("id", models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("month", models.DateField()),
                ("reason", models.CharField(max_length=500)),
                ("placed_at", models.DateTimeField()),
                ("placed_by", models.CharField(max_length=254)),
                ("released_at", models.DateTimeField(blank=True, null=True)),
                ("released_by", models.CharField(blank=True, max_length=254)),
            ],
            options={
                "db_table": "audit_hold",
                "default_permissions": (),
                "ordering": ["-placed_at"],
                "constraints": [models.UniqueConstraint(condition=Q(("released_at", None)), fields=("month",), name="audit_hold_in_force_once")],
            },
        ),
    ]
