
import config.kernel.ids
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import nodes.fleet.states
import nodes.health.states
import operators.access.grants
from django.conf import settings
from django.db import migrations, models

# Daily partitions are made and dropped by `meters.rollup`.
METER_ROLLUP = """
CREATE TABLE meter_rollup (
    minute timestamptz NOT NULL,
    interface_id uuid NOT NULL,
    channel_count smallint NOT NULL CHECK (channel_count BETWEEN 1 AND 512),
    heard jsonb NOT NULL,
    slots bytea NOT NULL,
    PRIMARY KEY (minute, interface_id)
) PARTITION BY RANGE (minute)
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Interface',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('revision', models.PositiveIntegerField(default=1)),
                ('system_name', models.CharField(blank=True, max_length=255)),
                ('system_ref', models.CharField(blank=True, max_length=512)),
                ('hardware_path', models.CharField(blank=True, max_length=255)),
                ('serial_number', models.CharField(blank=True, max_length=255)),
                ('backend', models.CharField(choices=[('alsa', 'alsa'), ('jack', 'jack'), ('pipewire', 'pipewire'), ('pulse', 'pulse'), ('url', 'url'), ('file', 'file'), ('lavfi', 'lavfi'), ('unknown', 'unknown')], default=nodes.fleet.states.Backend['UNKNOWN'], max_length=12)),
                ('sample_rates', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveIntegerField(), blank=True, default=list, size=None)),
                ('channel_count', models.PositiveSmallIntegerField(default=1)),
                ('state', models.CharField(choices=[('open', 'open'), ('idle', 'idle'), ('lost', 'lost'), ('error', 'error')], default=nodes.fleet.states.InterfaceState['IDLE'], max_length=8)),
                ('error', models.CharField(blank=True, max_length=500)),
                ('xruns', models.BigIntegerField(default=0)),
                ('reported_at', models.DateTimeField(blank=True, null=True)),
                ('alias', models.CharField(blank=True, max_length=120)),
                ('enabled', models.BooleanField(default=True)),
                ('source', models.JSONField(blank=True, null=True)),
                ('sealed_ref', models.BinaryField(null=True)),
                ('sample_rate', models.PositiveIntegerField(blank=True, null=True)),
                ('sample_format', models.CharField(blank=True, choices=[('s16', 's16'), ('s24', 's24'), ('s32', 's32'), ('f32', 'f32')], max_length=4)),
                ('monitor', models.CharField(blank=True, choices=[('always', 'always'), ('demand', 'demand'), ('off', 'off')], max_length=8)),
            ],
            options={
                'ordering': ['node_id', 'id'],
                'default_permissions': (),
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('channel_count__gte', 1), ('channel_count__lte', 512)), name='interface_channels_1_512'),
                ],
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(METER_ROLLUP, "DROP TABLE meter_rollup")],
            state_operations=[
                migrations.CreateModel(
                    name='MeterRollup',
                    fields=[
                        ('pk', models.CompositePrimaryKey('minute', 'interface_id', blank=True, editable=False, primary_key=True, serialize=False)),
                        ('minute', models.DateTimeField()),
                        ('interface_id', models.UUIDField()),
                        ('channel_count', models.PositiveSmallIntegerField()),
                        ('heard', models.JSONField(default=list)),
                        ('slots', models.BinaryField()),
                    ],
                    options={
                        'db_table': 'meter_rollup',
                        'default_permissions': (),
                    },
                ),
            ],
        ),
        migrations.CreateModel(
            name='Node',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('revision', models.PositiveIntegerField(default=1)),
                ('alias', models.CharField(max_length=120)),
                ('building', models.CharField(blank=True, max_length=120)),
                ('floor', models.CharField(blank=True, max_length=120)),
                ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=48), blank=True, default=list, size=None)),
                ('notes', models.TextField(blank=True, max_length=2000)),
                ('audio_defaults', models.JSONField(blank=True, default=dict)),
                ('max_concurrent_recordings', models.PositiveSmallIntegerField(default=1)),
                ('retired_at', models.DateTimeField(blank=True, null=True)),
                ('config_revision', models.PositiveIntegerField(default=1)),
            ],
            options={
                'ordering': ['alias'],
                'permissions': [('scope_node', 'this node is in reach'), ('node_read', 'node:read'), ('node_manage', 'node:manage'), ('node_control', 'node:control'), ('listen_monitor', 'listen:monitor')],
                'default_permissions': (),
                'indexes': [
                    django.contrib.postgres.indexes.GinIndex(fields=['tags'], name='node_tags'),
                    models.Index(fields=['alias', 'id'], name='node_alias_order'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('max_concurrent_recordings__gte', 1), ('max_concurrent_recordings__lte', 128)), name='node_capacity_1_128'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Room',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('building', models.CharField(blank=True, max_length=120)),
                ('floor', models.CharField(blank=True, max_length=120)),
                ('name', models.CharField(max_length=120)),
            ],
            options={
                'ordering': ['building', 'floor', 'name'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Site',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('revision', models.PositiveIntegerField(default=1)),
                ('name', models.CharField(max_length=120, unique=True)),
                ('slug', models.SlugField(max_length=60, unique=True)),
                ('timezone', models.CharField(default='UTC', max_length=64)),
                ('notes', models.TextField(blank=True, max_length=2000)),
            ],
            options={
                'ordering': ['name'],
                'permissions': [('scope_site', 'this site is in reach')],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='HealthEvent',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('type', models.CharField(max_length=80)),
                ('severity', models.CharField(choices=[('info', 'info'), ('warning', 'warning'), ('critical', 'critical')], max_length=8)),
                ('severity_rank', models.PositiveSmallIntegerField()),
                ('status', models.CharField(choices=[('open', 'open'), ('acknowledged', 'acknowledged'), ('suppressed', 'suppressed'), ('resolved', 'resolved')], default=nodes.health.states.EventStatus['OPEN'], max_length=12)),
                ('condition', models.CharField(choices=[('firing', 'firing'), ('cleared', 'cleared'), ('stale', 'stale')], default=nodes.health.states.Condition['FIRING'], max_length=8)),
                ('source', models.CharField(choices=[('controller', 'controller'), ('node', 'node'), ('user', 'user')], max_length=10)),
                ('message', models.CharField(max_length=500)),
                ('details', models.JSONField(default=dict)),
                ('channel_index', models.PositiveSmallIntegerField(null=True)),
                ('recording_id', models.UUIDField(null=True)),
                ('recording_label', models.CharField(blank=True, max_length=200)),
                ('schedule_id', models.UUIDField(null=True)),
                ('schedule_label', models.CharField(blank=True, max_length=200)),
                ('subject_kind', models.CharField(blank=True, max_length=40)),
                ('subject_id', models.CharField(blank=True, max_length=64)),
                ('subject_label', models.CharField(blank=True, max_length=200)),
                ('fingerprint', models.CharField(max_length=64)),
                ('count', models.PositiveIntegerField(default=1)),
                ('flap_count', models.PositiveIntegerField(default=0)),
                ('flapping', models.BooleanField(default=False)),
                ('cycles', models.JSONField(default=list)),
                ('late', models.BooleanField(default=False)),
                ('opened_at', models.DateTimeField()),
                ('last_seen_at', models.DateTimeField()),
                ('cleared_at', models.DateTimeField(null=True)),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('acknowledged_by', models.CharField(blank=True, max_length=200)),
                ('suppressed_at', models.DateTimeField(null=True)),
                ('suppressed_by', models.CharField(blank=True, max_length=200)),
                ('suppressed_until', models.DateTimeField(null=True)),
                ('resolved_at', models.DateTimeField(null=True)),
                ('resolved_by', models.CharField(blank=True, max_length=200)),
                ('notes', models.JSONField(default=list)),
                ('inhibited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='inhibits', to='nodes.healthevent')),
                ('interface', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='health_events', to='nodes.interface')),
                ('node', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='health_events', to='nodes.node')),
                ('site', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='nodes.site')),
            ],
            options={
                'ordering': ['-opened_at'],
                'permissions': [('health_read', 'health:read'), ('health_acknowledge', 'health:acknowledge')],
                'default_permissions': (),
                'indexes': [
                    models.Index(fields=['opened_at', 'id'], name='health_opened'),
                    models.Index(fields=['last_seen_at', 'id'], name='health_seen'),
                    models.Index(fields=['severity_rank', 'id'], name='health_severity'),
                    models.Index(fields=['fingerprint', 'resolved_at'], name='health_fingerprint'),
                    models.Index(condition=models.Q(('status__in', ['open', 'acknowledged'])), fields=['node', 'severity_rank'], name='health_colouring'),
                    models.Index(condition=models.Q(('condition', 'cleared'), models.Q(('status', 'resolved'), _negated=True)), fields=['cleared_at'], name='health_clearing'),
                ],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('status', nodes.health.states.EventStatus['RESOLVED']), _negated=True), fields=('fingerprint',), name='health_event_unresolved_once'),
                ],
            },
        ),
        migrations.CreateModel(
            name='NodeState',
            fields=[
                ('node', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='state', serialize=False, to='nodes.node')),
                ('hostname', models.CharField(blank=True, max_length=253)),
                ('agent_version', models.CharField(blank=True, max_length=64)),
                ('agent_instance_id', models.CharField(blank=True, max_length=64)),
                ('process_id', models.CharField(blank=True, max_length=64)),
                ('superseded', models.JSONField(default=list)),
                ('duplicate_seen_at', models.DateTimeField(blank=True, null=True)),
                ('seq', models.BigIntegerField(default=0)),
                ('ip_addresses', django.contrib.postgres.fields.ArrayField(base_field=models.GenericIPAddressField(), blank=True, default=list, size=None)),
                ('runtime', models.JSONField(default=dict)),
                ('clock', models.JSONField(default=dict)),
                ('disk', models.JSONField(default=dict)),
                ('reported_status', models.CharField(choices=[('ok', 'ok'), ('starting', 'starting'), ('draining', 'draining'), ('error', 'error')], default=nodes.fleet.states.ReportedStatus['STARTING'], max_length=12)),
                ('reported_config_version', models.CharField(blank=True, max_length=64)),
                ('active_jobs', models.JSONField(default=list)),
                ('capturing_count', models.PositiveSmallIntegerField(default=0)),
                ('free_slots', models.PositiveSmallIntegerField(default=0)),
                ('outbox_depth', models.PositiveIntegerField(default=0)),
                ('rule_states', models.JSONField(default=list)),
                ('quarantine', models.JSONField(default=list)),
                ('extra', models.JSONField(default=dict)),
                ('last_seen_at', models.DateTimeField(blank=True, db_index=True, null=True)),
                ('published_status', models.CharField(blank=True, max_length=12)),
                ('published_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.AddField(
            model_name='interface',
            name='node',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='interfaces', to='nodes.node'),
        ),
        migrations.AddField(
            model_name='node',
            name='room',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='nodes', to='nodes.room'),
        ),
        migrations.AddField(
            model_name='interface',
            name='room',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='interfaces', to='nodes.room'),
        ),
        migrations.AddField(
            model_name='room',
            name='site',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rooms', to='nodes.site'),
        ),
        migrations.AddField(
            model_name='node',
            name='site',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='nodes', to='nodes.site'),
        ),
        migrations.CreateModel(
            name='SiteGroupGrant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('content_object', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='nodes.site')),
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
            name='SiteUserGrant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('content_object', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='nodes.site')),
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
            name='Channel',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('index', models.PositiveSmallIntegerField()),
                ('alias', models.CharField(blank=True, max_length=64)),
                ('role', models.CharField(blank=True, choices=[('expected', 'expected'), ('optional', 'optional'), ('unused', 'unused')], max_length=8)),
                ('interface', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='channels', to='nodes.interface')),
            ],
            options={
                'ordering': ['interface_id', 'index'],
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('interface', 'index'), name='channel_index_once'), models.CheckConstraint(condition=models.Q(('index__gte', 1), ('index__lte', 512)), name='channel_index_1_512')],
            },
        ),
        migrations.CreateModel(
            name='HealthReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('report_id', models.UUIDField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reports', to='nodes.healthevent')),
                ('node', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='health_reports', to='nodes.node')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['created_at'], name='health_report_age')],
                'constraints': [models.UniqueConstraint(fields=('node', 'report_id'), name='health_report_once')],
            },
        ),
        migrations.CreateModel(
            name='NodeCredential',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('digest', models.BinaryField(max_length=32, unique=True)),
                ('prefix', models.CharField(max_length=16)),
                ('last_four', models.CharField(max_length=4)),
                ('state', models.CharField(choices=[('active', 'active'), ('expiring', 'expiring'), ('revoked', 'revoked')], default=nodes.fleet.states.CredentialState['ACTIVE'], max_length=8)),
                ('deliver', models.CharField(blank=True, choices=[('response', 'response'), ('node', 'node')], max_length=8)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('confirmed_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, null=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('node', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='credentials', to='nodes.node')),
            ],
            options={
                'ordering': ['-id'],
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', nodes.fleet.states.CredentialState['ACTIVE'])), fields=('node',), name='node_credential_one_active'), models.UniqueConstraint(condition=models.Q(('state', nodes.fleet.states.CredentialState['EXPIRING'])), fields=('node',), name='node_credential_one_expiring')],
            },
        ),
        migrations.CreateModel(
            name='NodeGroupGrant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('content_object', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='nodes.node')),
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
            name='NodeUserGrant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('content_object', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='nodes.node')),
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
        migrations.AddConstraint(
            model_name='room',
            constraint=models.UniqueConstraint(fields=('site', 'building', 'floor', 'name'), name='room_once'),
        ),
        migrations.AddConstraint(
            model_name='node',
            constraint=models.UniqueConstraint(fields=('site', 'alias'), name='node_alias_once_per_site'),
        ),
    ]
