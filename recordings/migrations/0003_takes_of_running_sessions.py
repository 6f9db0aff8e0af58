from django.db import migrations


def keep_recording(apps, schema_editor):
    """What is being recorded now goes on: its input names the recording."""
    Job, MediaInput = apps.get_model("recordings", "Job"), apps.get_model("live_sessions", "MediaInput")
    for job in Job.objects.filter(executor="media", status__in=["running", "stop_requested"]):
        MediaInput.objects.filter(session_id=job.session_id, recording_id=None).update(recording_id=job.recording_id)


class Migration(migrations.Migration):

    dependencies = [
        ('recordings', '0002_replay'),
        ('live_sessions', '0008_media_takes'),
    ]

    operations = [migrations.RunPython(keep_recording, migrations.RunPython.noop)]
