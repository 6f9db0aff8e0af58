import config.kernel.ids
import django.contrib.postgres.constraints
import django.contrib.postgres.fields
import django.contrib.postgres.fields.ranges
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
import operators.access.grants
import recordings.jobs.states
import recordings.library.states
import recordings.profiles.states
import recordings.retention.states
from django.conf import settings
from django.contrib.postgres.operations import BtreeGistExtension, TrigramExtension
from django.db import migrations, models

from recordings.profiles.seeds import seed


# No disposal of a recording under legal hold gets anywhere, whoever writes it (07 §8).
HOLD_TRIGGER = """
CREATE FUNCTION recordings_hold_beats_disposal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IN ('expiring', 'trashed', 'unlinked')
       AND EXISTS (SELECT 1 FROM recordings_recording WHERE id = NEW.recording_id AND legal_hold) THEN
        RAISE EXCEPTION 'recording % is under legal hold', NEW.recording_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER disposal_hold BEFORE INSERT OR UPDATE ON recordings_disposal
    FOR EACH ROW EXECUTE FUNCTION recordings_hold_beats_disposal();
"""
DROP_HOLD_TRIGGER = """
DROP TRIGGER disposal_hold ON recordings_disposal;
DROP FUNCTION recordings_hold_beats_disposal();
"""


def seed_profiles(apps, schema_editor):
    seed(apps.get_model("recordings", "RecordingProfile"))


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('nodes', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        BtreeGistExtension(),
        TrigramExtension(),
        migrations.CreateModel(
            name='Disposal',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('expiring', 'expiring'), ('trashed', 'trashed'), ('unlinked', 'unlinked'), ('cancelled', 'cancelled')], default=recordings.retention.states.DisposalState['TRASHED'], max_length=10)),
                ('cause', models.CharField(choices=[('person', 'person'), ('policy', 'policy'), ('emergency', 'emergency')], max_length=10)),
                ('recording_id', models.UUIDField(db_index=True)),
                ('recording_name', models.CharField(max_length=240)),
                ('node_id', models.UUIDField(blank=True, null=True)),
                ('node_label', models.CharField(blank=True, max_length=240)),
                ('file_id', models.UUIDField(blank=True, null=True)),
                ('path', models.CharField(blank=True, max_length=300)),
                ('trash_path', models.CharField(blank=True, max_length=300)),
                ('size', models.BigIntegerField(default=0)),
                ('sha256', models.CharField(blank=True, max_length=64)),
                ('copies', models.JSONField(blank=True, default=list)),
                ('policy_id', models.UUIDField(blank=True, null=True)),
                ('actor_kind', models.CharField(blank=True, max_length=20)),
                ('actor_id', models.CharField(blank=True, max_length=64)),
                ('actor_label', models.CharField(blank=True, max_length=240)),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('created_at', models.DateTimeField()),
                ('moved_at', models.DateTimeField(blank=True, null=True)),
                ('unlink_after', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['-created_at'],
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('state', 'trashed')), fields=['unlink_after'], name='disposal_due')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['expiring', 'trashed'])), fields=('file_id',), name='disposal_one_open')],
            },
        ),
        migrations.CreateModel(
            name='Recording',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('revision', models.PositiveIntegerField(default=1)),
                ('kind', models.CharField(choices=[('audio', 'audio'), ('video', 'video')], default=recordings.profiles.states.MediaKind['AUDIO'], max_length=8)),
                ('source', models.CharField(choices=[('ad_hoc', 'ad_hoc'), ('schedule', 'schedule'), ('session', 'session')], max_length=8)),
                ('name', models.CharField(max_length=240)),
                ('folder', models.CharField(blank=True, max_length=240)),
                ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=48), blank=True, default=list, size=None)),
                ('tag_keys', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=96), blank=True, default=list, editable=False, size=None)),
                ('notes', models.TextField(blank=True, max_length=2000)),
                ('transcript_snippets', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=500), blank=True, default=list, size=None)),
                ('search_text', models.TextField(blank=True, editable=False)),
                ('status', models.CharField(choices=[('queued', 'queued'), ('recording', 'recording'), ('completed', 'completed'), ('cached', 'cached'), ('uploaded', 'uploaded'), ('cancelled', 'cancelled'), ('failed', 'failed')], default=recordings.library.states.RecordingStatus['QUEUED'], max_length=12)),
                ('health_status', models.CharField(choices=[('healthy', 'healthy'), ('warning', 'warning'), ('critical', 'critical'), ('unknown', 'unknown')], default=recordings.library.states.HealthStatus['UNKNOWN'], max_length=8)),
                ('watchdog_coverage', models.FloatField(blank=True, null=True)),
                ('planned_start_at', models.DateTimeField()),
                ('planned_end_at', models.DateTimeField(blank=True, null=True)),
                ('recorded_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('sort_at', models.DateTimeField()),
                ('duration_seconds', models.FloatField(blank=True, null=True)),
                ('size_bytes', models.BigIntegerField(default=0)),
                ('partial', models.BooleanField(default=False)),
                ('partial_reasons', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None)),
                ('gaps', models.JSONField(blank=True, default=list)),
                ('clock_corrected', models.BooleanField(default=False)),
                ('node_label', models.CharField(blank=True, max_length=240)),
                ('interface_id', models.UUIDField(blank=True, null=True)),
                ('interface_label', models.CharField(blank=True, max_length=255)),
                ('session_id', models.UUIDField(blank=True, null=True)),
                ('session_label', models.CharField(blank=True, max_length=240)),
                ('schedule_id', models.UUIDField(blank=True, null=True)),
                ('schedule_label', models.CharField(blank=True, max_length=240)),
                ('occurrence_key', models.CharField(blank=True, max_length=80, null=True)),
                ('profile_label', models.CharField(max_length=80)),
                ('upload_policy_id', models.UUIDField(blank=True, null=True)),
                ('retention_policy_id', models.UUIDField(blank=True, null=True)),
                ('watchdog_policy_id', models.UUIDField(blank=True, null=True)),
                ('created_by', models.CharField(blank=True, max_length=240)),
                ('track_group_id', models.UUIDField(blank=True, null=True)),
                ('track_index', models.PositiveIntegerField(default=1)),
                ('track_total', models.PositiveIntegerField(blank=True, null=True)),
                ('cache_state', models.CharField(choices=[('cached', 'cached'), ('missing', 'missing')], default=recordings.library.states.CacheState['MISSING'], max_length=8)),
                ('upload_state', models.CharField(choices=[('none', 'none'), ('pending', 'pending'), ('failed', 'failed'), ('verified', 'verified')], default=recordings.library.states.UploadState['NONE'], max_length=8)),
                ('waveform_preview', models.JSONField(blank=True, null=True)),
                ('loudness', models.JSONField(blank=True, null=True)),
                ('analysis_status', models.CharField(choices=[('pending', 'pending'), ('ready', 'ready'), ('failed', 'failed')], default=recordings.library.states.AnalysisStatus['PENDING'], max_length=8)),
                ('playable', models.BooleanField(default=False)),
                ('legal_hold', models.BooleanField(default=False)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('preserved_until', models.DateTimeField(blank=True, null=True)),
                ('deleted_at', models.DateTimeField(blank=True, null=True)),
                ('node', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='nodes.node')),
            ],
            options={
                'ordering': ['-sort_at', '-id'],
                'permissions': [('scope_recording', 'this recording is in reach'), ('recording_read', 'recording:read'), ('recording_playback', 'recording:playback'), ('recording_download', 'recording:download'), ('recording_create', 'recording:create'), ('recording_control', 'recording:control'), ('recording_edit', 'recording:edit'), ('recording_delete', 'recording:delete')],
                'default_permissions': (),
                'indexes': [
                    models.Index(models.OrderBy(models.F('sort_at'), descending=True), models.OrderBy(models.F('id'), descending=True), name='recording_newest'),
                    models.Index(condition=models.Q(('status__in', ['queued', 'recording', 'completed'])), fields=['status'], name='recording_active'),
                    models.Index(fields=['node', '-sort_at'], name='recording_by_node'),
                    models.Index(fields=['folder'], name='recording_folder'),
                    models.Index(condition=models.Q(('deleted_at', None), _negated=True), fields=['deleted_at'], name='recording_trash'),
                    django.contrib.postgres.indexes.GinIndex(fields=['tag_keys'], name='recording_tags'),
                    django.contrib.postgres.indexes.GinIndex(fields=['search_text'], name='recording_search', opclasses=['gin_trgm_ops']),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(models.Q(('node', None), ('source', 'session'), models.Q(('session_id', None), _negated=True)), models.Q(models.Q(('source', 'session'), _negated=True), ('session_id', None), models.Q(('node', None), _negated=True)), _connector='OR'), name='recording_source_session'),
                    models.CheckConstraint(condition=models.Q(models.Q(('source', 'schedule'), models.Q(('schedule_id', None), _negated=True), models.Q(('occurrence_key', None), _negated=True)), models.Q(models.Q(('source', 'schedule'), _negated=True), ('occurrence_key', None)), _connector='OR'), name='recording_source_schedule'),
                    models.UniqueConstraint(fields=('track_group_id', 'track_index'), name='recording_track_once'),
                    models.CheckConstraint(condition=models.Q(('deleted_at', None), ('status__in', ['cached', 'uploaded', 'failed', 'cancelled']), _connector='OR'), name='recording_deleted_is_terminal'),
                    models.CheckConstraint(condition=models.Q(('legal_hold', False), models.Q(('deleted_at', None), ('expires_at', None)), _connector='OR'), name='recording_hold_keeps'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Job',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('revision', models.PositiveIntegerField(default=1)),
                ('executor', models.CharField(choices=[('node', 'node'), ('media', 'media')], default=recordings.jobs.states.Executor['NODE'], max_length=6)),
                ('session_id', models.UUIDField(blank=True, null=True)),
                ('attempt', models.PositiveSmallIntegerField(default=1)),
                ('status', models.CharField(choices=[('queued', 'queued'), ('running', 'running'), ('stop_requested', 'stop_requested'), ('completed', 'completed'), ('cancelled', 'cancelled'), ('failed', 'failed')], default=recordings.jobs.states.JobStatus['QUEUED'], max_length=16)),
                ('phase', models.CharField(blank=True, choices=[('claimed', 'claimed'), ('capturing', 'capturing'), ('captured', 'captured'), ('rendered', 'rendered'), ('uploading', 'uploading'), ('uploaded', 'uploaded'), ('done', 'done')], max_length=12)),
                ('command', models.JSONField(default=dict)),
                ('claim_id', models.UUIDField(blank=True, null=True)),
                ('claim_epoch', models.PositiveIntegerField(default=0)),
                ('claimed_at', models.DateTimeField(blank=True, null=True)),
                ('agent_instance_id', models.CharField(blank=True, max_length=64)),
                ('slot', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('span', django.contrib.postgres.fields.ranges.DateTimeRangeField(blank=True, null=True)),
                ('lease_state', models.CharField(choices=[('none', 'none'), ('held', 'held'), ('lapsed', 'lapsed')], default=recordings.jobs.states.LeaseState['NONE'], max_length=8)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('lapsed_at', models.DateTimeField(blank=True, null=True)),
                ('heartbeat_at', models.DateTimeField(blank=True, null=True)),
                ('orphan_since', models.DateTimeField(blank=True, null=True)),
                ('not_before', models.DateTimeField()),
                ('capture_start_at', models.DateTimeField()),
                ('capture_end_at', models.DateTimeField(blank=True, null=True)),
                ('captured_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('bytes_written', models.BigIntegerField(default=0)),
                ('frames_captured', models.BigIntegerField(default=0)),
                ('xruns', models.BigIntegerField(default=0)),
                ('segments', models.PositiveIntegerField(default=0)),
                ('upload_offset', models.BigIntegerField(default=0)),
                ('free_disk_bytes', models.BigIntegerField(blank=True, null=True)),
                ('gaps', models.JSONField(blank=True, default=list)),
                ('results', models.JSONField(blank=True, default=dict)),
                ('stop_requested_at', models.DateTimeField(blank=True, null=True)),
                ('stop_at', models.DateTimeField(blank=True, null=True)),
                ('stop_by', models.CharField(blank=True, max_length=240)),
                ('stop_mode', models.CharField(blank=True, max_length=8)),
                ('stop_reason', models.CharField(blank=True, max_length=500)),
                ('failure_reason', models.CharField(blank=True, choices=[('window_missed', 'window_missed'), ('not_claimed', 'not_claimed'), ('device_unavailable', 'device_unavailable'), ('disk_full', 'disk_full'), ('encoder_failed', 'encoder_failed'), ('node_lost', 'node_lost'), ('abandoned', 'abandoned')], max_length=20)),
                ('failure_detail', models.TextField(blank=True, max_length=2000)),
                ('node', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='nodes.node')),
                ('recording', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='jobs', to='recordings.recording')),
            ],
            options={
                'ordering': ['-created_at'],
                'default_permissions': (),
                'indexes': [
                    models.Index(condition=models.Q(('status', 'queued')), fields=['node', 'not_before', 'created_at'], name='job_queue'),
                    models.Index(condition=models.Q(('status__in', ['running', 'stop_requested'])), fields=['lease_until'], name='job_leases'),
                    models.Index(fields=['node', 'status'], name='job_node_status'),
                    models.Index(models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), name='job_newest'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('recording', 'attempt'), name='job_attempt_once'),
                    models.UniqueConstraint(condition=models.Q(('status__in', ['queued', 'running', 'stop_requested'])), fields=('recording',), name='job_one_active'),
                    models.UniqueConstraint(condition=models.Q(('status__in', ['queued', 'running', 'stop_requested']), models.Q(('session_id', None), _negated=True)), fields=('session_id',), name='job_one_active_per_session'),
                    models.UniqueConstraint(condition=models.Q(('claim_id', None), _negated=True), fields=('node', 'claim_id'), name='job_claim_once'),
                    models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('status__in', ['queued', 'running', 'stop_requested'])), models.Q(models.Q(('status__in', ['queued', 'running', 'stop_requested']), _negated=True), models.Q(('ended_at', None), _negated=True)), _connector='OR'), name='job_ended_iff_terminal'),
                    models.CheckConstraint(condition=models.Q(('capture_end_at', None), ('capture_end_at__gt', models.F('capture_start_at')), _connector='OR'), name='job_window'),
                    models.CheckConstraint(condition=models.Q(models.Q(('executor', 'node'), models.Q(('node', None), _negated=True)), models.Q(('executor', 'media'), ('node', None)), _connector='OR'), name='job_executor_node'),
                    models.CheckConstraint(condition=models.Q(('slot', None), models.Q(('slot__range', (1, 128)), models.Q(('span', None), _negated=True)), _connector='OR'), name='job_slot_1_128'),
                    django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('slot', None), _negated=True), expressions=[('node', '='), ('slot', '='), ('span', '&&')], name='job_capacity'),
                ],
            },
        ),
        migrations.CreateModel(
            name='RecordingFile',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('claim_epoch', models.PositiveIntegerField()),
                ('track_index', models.PositiveIntegerField(default=1)),
                ('role', models.CharField(choices=[('primary', 'primary'), ('alternate', 'alternate')], default=recordings.library.states.FileRole['PRIMARY'], max_length=10)),
                ('state', models.CharField(choices=[('present', 'present'), ('trashed', 'trashed'), ('gone', 'gone'), ('missing', 'missing')], default=recordings.library.states.FileState['PRESENT'], max_length=8)),
                ('path', models.CharField(max_length=300, unique=True)),
                ('size', models.BigIntegerField()),
                ('sha256', models.CharField(max_length=64)),
                ('mime_type', models.CharField(max_length=60)),
                ('file_name', models.CharField(blank=True, max_length=255)),
                ('codec', models.CharField(blank=True, max_length=40)),
                ('sample_rate', models.PositiveIntegerField(blank=True, null=True)),
                ('channels', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('frames', models.BigIntegerField(blank=True, null=True)),
                ('duration_seconds', models.FloatField(blank=True, null=True)),
                ('capture_start_at', models.DateTimeField(blank=True, null=True)),
                ('capture_end_at', models.DateTimeField(blank=True, null=True)),
                ('stored_at', models.DateTimeField()),
                ('analysis_status', models.CharField(choices=[('pending', 'pending'), ('ready', 'ready'), ('failed', 'failed')], default=recordings.library.states.AnalysisStatus['PENDING'], max_length=8)),
                ('analysis_attempts', models.PositiveSmallIntegerField(default=0)),
                ('analysis_due_at', models.DateTimeField(blank=True, null=True)),
                ('analysis_error', models.CharField(blank=True, max_length=500)),
                ('playable', models.BooleanField(default=False)),
                ('loudness', models.JSONField(blank=True, null=True)),
                ('silent_spans', models.JSONField(blank=True, default=list)),
                ('waveform_preview', models.JSONField(blank=True, null=True)),
                ('peaks_path', models.CharField(blank=True, max_length=300)),
                ('rendition_path', models.CharField(blank=True, max_length=300)),
                ('rendition_mime_type', models.CharField(blank=True, max_length=60)),
                ('rendition_size', models.BigIntegerField(blank=True, null=True)),
                ('rendition_sha256', models.CharField(blank=True, max_length=64)),
                ('job', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='files', to='recordings.job')),
                ('recording', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='files', to='recordings.recording')),
            ],
            options={
                'ordering': ['-stored_at'],
                'default_permissions': (),
                'indexes': [
                    models.Index(condition=models.Q(('analysis_due_at', None), _negated=True), fields=['analysis_due_at'], name='file_analysis_due'),
                    models.Index(fields=['stored_at'], name='file_stored'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('job', 'claim_epoch', 'track_index'), name='file_once_per_claim'),
                    models.UniqueConstraint(condition=models.Q(('role', 'primary')), fields=('recording',), name='file_one_primary'),
                    models.CheckConstraint(condition=models.Q(('sha256__regex', '^[0-9a-f]{64}$')), name='file_sha256'),
                    models.CheckConstraint(condition=models.Q(('size__gt', 0)), name='file_not_empty'),
                ],
            },
        ),
        migrations.AddField(
            model_name='recording',
            name='primary_file',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='recordings.recordingfile'),
        ),
        migrations.CreateModel(
            name='MediaGrant',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('purpose', models.CharField(choices=[('playback', 'Playback'), ('download', 'Download')], max_length=8)),
                ('holder_kind', models.CharField(max_length=20)),
                ('holder_id', models.CharField(max_length=64)),
                ('rendition', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(db_index=True)),
                ('recording', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='grants', to='recordings.recording')),
                ('file', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='grants', to='recordings.recordingfile')),
            ],
            options={
                'default_permissions': (),
                'indexes': [
                    models.Index(fields=['holder_kind', 'holder_id', 'purpose', 'expires_at'], name='grant_open'),
                ],
            },
        ),
        migrations.CreateModel(
            name='RecordingGroupGrant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('content_object', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='recordings.recording')),
                ('group', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='auth.group')),
                ('permission', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='auth.permission')),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
                'unique_together': {('group', 'permission', 'content_object')},
            },
            bases=(operators.access.grants._OneCodename, models.Model),
        ),
        migrations.CreateModel(
            name='RecordingProfile',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('revision', models.PositiveIntegerField(default=1)),
                ('name', models.CharField(max_length=80)),
                ('enabled', models.BooleanField(default=True)),
                ('kind', models.CharField(choices=[('audio', 'audio'), ('video', 'video')], default=recordings.profiles.states.MediaKind['AUDIO'], max_length=8)),
                ('is_default', models.BooleanField(default=False)),
                ('codec', models.CharField(choices=[('mp3', 'mp3'), ('flac', 'flac'), ('wav', 'wav'), ('opus', 'opus'), ('passthrough', 'passthrough')], max_length=12)),
                ('bitrate_kbps', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('vbr', models.BooleanField(default=False)),
                ('bit_depth', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('sample_rate', models.PositiveIntegerField(blank=True, null=True)),
                ('channel_mode', models.CharField(choices=[('mono', 'mono'), ('stereo', 'stereo'), ('mono_to_stereo_mix', 'mono_to_stereo_mix'), ('multichannel', 'multichannel')], default=recordings.profiles.states.ChannelMode['MONO'], max_length=20)),
                ('max_track_seconds', models.PositiveIntegerField(default=0)),
                ('silence_detection', models.BooleanField(default=True)),
            ],
            options={
                'ordering': ['name'],
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='profile_name_once'), models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('kind',), name='profile_one_default'), models.CheckConstraint(condition=models.Q(models.Q(('codec', 'passthrough'), ('kind', 'video')), models.Q(('codec__in', ['mp3', 'flac', 'wav', 'opus']), ('kind', 'audio')), _connector='OR'), name='profile_kind_codec'), models.CheckConstraint(condition=models.Q(models.Q(('bitrate_kbps__range', (32, 320)), ('codec', 'mp3')), models.Q(('bitrate_kbps__range', (16, 512)), ('codec', 'opus')), models.Q(models.Q(('codec__in', ['mp3', 'opus']), _negated=True), ('bitrate_kbps', None)), _connector='OR'), name='profile_bitrate'), models.CheckConstraint(condition=models.Q(models.Q(('bit_depth__in', [16, 24, 32]), ('codec', 'wav')), models.Q(('bit_depth__in', [16, 24]), ('codec', 'flac')), models.Q(models.Q(('codec__in', ['wav', 'flac']), _negated=True), ('bit_depth', None)), _connector='OR'), name='profile_bit_depth'), models.CheckConstraint(condition=models.Q(('sample_rate', None), models.Q(('codec', 'opus'), ('sample_rate', 48000)), models.Q(('codec', 'mp3'), ('sample_rate__lte', 48000)), ('codec__in', ['wav', 'flac']), _connector='OR'), name='profile_rate'), models.CheckConstraint(condition=models.Q(('max_track_seconds', 0), ('max_track_seconds__range', (60, 21600)), _connector='OR'), name='profile_track_seconds')],
            },
        ),
        migrations.AddField(
            model_name='recording',
            name='profile',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='recordings', to='recordings.recordingprofile'),
        ),
        migrations.CreateModel(
            name='RecordingUserGrant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('content_object', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='recordings.recording')),
                ('permission', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='auth.permission')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
                'default_permissions': (),
                'unique_together': {('user', 'permission', 'content_object')},
            },
            bases=(operators.access.grants._OneCodename, models.Model),
        ),
        migrations.CreateModel(
            name='IncomingFile',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('claim_epoch', models.PositiveIntegerField()),
                ('track_index', models.PositiveIntegerField(default=1)),
                ('track_final', models.BooleanField(default=True)),
                ('sha256', models.CharField(max_length=64)),
                ('total', models.BigIntegerField()),
                ('offset', models.BigIntegerField(default=0)),
                ('verifying', models.BooleanField(default=False)),
                ('mime_type', models.CharField(max_length=60)),
                ('file_name', models.CharField(blank=True, max_length=255)),
                ('duration_seconds', models.FloatField(blank=True, null=True)),
                ('part_path', models.CharField(max_length=300)),
                ('target_path', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('job', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='incoming', to='recordings.job')),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('job', 'claim_epoch', 'track_index'), name='incoming_once_per_claim')],
            },
        ),
        migrations.CreateModel(
            name='Marker',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('at_seconds', models.FloatField()),
                ('label', models.CharField(max_length=120)),
                ('created_by', models.CharField(blank=True, max_length=240)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('recording', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='markers', to='recordings.recording')),
            ],
            options={
                'ordering': ['at_seconds', 'id'],
                'default_permissions': (),
                'constraints': [models.CheckConstraint(condition=models.Q(('at_seconds__gte', 0)), name='marker_not_negative')],
            },
        ),
        migrations.AddConstraint(
            model_name='recording',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status__in', ['cached', 'uploaded']), _negated=True), models.Q(('primary_file', None), _negated=True), _connector='OR'), name='recording_cached_has_file'),
        ),
        migrations.RunSQL(HOLD_TRIGGER, DROP_HOLD_TRIGGER),
        migrations.RunPython(seed_profiles, migrations.RunPython.noop),
    ]
