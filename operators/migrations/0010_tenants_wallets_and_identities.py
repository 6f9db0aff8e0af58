
import config.kernel.ids
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('operators', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='OidcState',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('state_digest', models.BinaryField(max_length=32, unique=True)),
                ('browser_digest', models.BinaryField(max_length=32)),
                ('nonce', models.CharField(max_length=64)),
                ('verifier', models.BinaryField()),
                ('next', models.CharField(max_length=2048)),
                ('mode', models.CharField(choices=[('token', 'Token'), ('cookie', 'Cookie')], max_length=6)),
                ('intent', models.CharField(choices=[('sign-in', 'Sign In'), ('link', 'Link')], max_length=7)),
                ('user_id', models.UUIDField(null=True)),
                ('sign_in_id', models.UUIDField(null=True)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'OIDC login',
                'default_permissions': (),
                'indexes': [models.Index(fields=['expires_at'], name='oidc_state_expiry')],
            },
        ),
        migrations.CreateModel(
            name='WalletChallenge',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('nonce', models.CharField(max_length=32, unique=True)),
                ('address', models.CharField(max_length=42)),
                ('purpose', models.CharField(choices=[('sign-in', 'Sign In'), ('create-workspace', 'Create Workspace')], max_length=16)),
                ('message', models.TextField()),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['expires_at'], name='wallet_challenge_expiry')],
            },
        ),
        migrations.CreateModel(
            name='Workspace',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('revision', models.PositiveIntegerField(default=1)),
                ('slug', models.CharField(max_length=40, unique=True)),
                ('name', models.CharField(max_length=80)),
                ('wallet_address', models.CharField(max_length=42)),
                ('roles', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('CONSUMER', 'Consumer'), ('SUPPLIER', 'Supplier')], max_length=8), size=None)),
                ('declared_offline', models.BooleanField(default=False)),
                ('coverage', models.JSONField(blank=True, null=True)),
                ('device_kind', models.CharField(choices=[('phone', 'Phone'), ('laptop', 'Laptop'), ('drone', 'Drone'), ('ptz', 'Ptz'), ('fixed', 'Fixed'), ('robot', 'Robot'), ('other', 'Other')], default='other', max_length=6)),
                ('suspended_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['name', 'id'],
                'permissions': [('workspace_read', 'workspace:read'), ('workspace_manage', 'workspace:manage'), ('key_manage', 'key:manage')],
                'default_permissions': (),
                'indexes': [models.Index(django.db.models.functions.text.Lower('wallet_address'), models.F('created_at'), name='workspace_by_wallet')],
            },
        ),
        migrations.CreateModel(
            name='OidcIdentity',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('issuer', models.CharField(max_length=500)),
                ('subject', models.CharField(max_length=255)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('last_seen_at', models.DateTimeField(blank=True, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='oidc_identities', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'OIDC identity',
                'verbose_name_plural': 'OIDC identities',
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('issuer', 'subject'), name='oidc_identity_once')],
            },
        ),
        migrations.CreateModel(
            name='Wallet',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('address', models.CharField(max_length=42)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='wallets', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('address'), name='wallet_once')],
            },
        ),
        migrations.CreateModel(
            name='Member',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('role', models.CharField(choices=[('OWNER', 'Owner'), ('ADMIN', 'Admin'), ('VIEWER', 'Viewer')], max_length=6)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='members', to='operators.workspace')),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('workspace', 'user'), name='member_once')],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.UUIDField(default=config.kernel.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('label', models.CharField(max_length=80)),
                ('environment', models.CharField(choices=[('LIVE', 'Live'), ('TEST', 'Test')], max_length=4)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=64), size=None)),
                ('digest', models.BinaryField(max_length=32, unique=True)),
                ('prefix', models.CharField(max_length=16)),
                ('last_four', models.CharField(max_length=4)),
                ('version', models.CharField(max_length=10)),
                ('created_by_label', models.CharField(max_length=254)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('grace_period_end', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_keys', to='operators.workspace')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['workspace', 'created_at'], name='api_key_of_workspace')],
            },
        ),
    ]
