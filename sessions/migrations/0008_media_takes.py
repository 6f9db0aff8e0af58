from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('live_sessions', '0007_control_room'),
    ]

    operations = [
        migrations.AddField(
            model_name='mediainput',
            name='recording_id',
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='mediainput',
            name='recording_settled',
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name='mediainput',
            name='recording_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
