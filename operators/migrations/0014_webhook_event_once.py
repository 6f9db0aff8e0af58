from django.db import migrations, models

# What was sent again is known by its original; where that is forgotten, by not being the first of its event.
SENT_AGAIN = """
    UPDATE operators_webhookdelivery AS one SET again = true
    WHERE redelivery_of_id IS NOT NULL OR EXISTS (
        SELECT 1 FROM operators_webhookdelivery AS first
        WHERE first.endpoint_id = one.endpoint_id AND first.message_id = one.message_id AND (first.created_at, first.id) < (one.created_at, one.id)
    )
"""


class Migration(migrations.Migration):
    dependencies = [("operators", "0013_control_room")]

    operations = [
        migrations.AddField("webhookdelivery", "again", models.BooleanField(default=False)),
        migrations.RunSQL(SENT_AGAIN, migrations.RunSQL.noop),
        migrations.AddConstraint(
            "webhookdelivery",
            models.UniqueConstraint(condition=models.Q(again=False), fields=("endpoint", "message_id"), name="webhook_event_once"),
        ),
    ]
