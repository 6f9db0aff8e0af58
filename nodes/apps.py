"""The fleet of recorders, its meters and its health."""

from django.apps import AppConfig


class NodesConfig(AppConfig):
    name = "nodes"
    label = "nodes"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from audit.signals import audit_archive_failed, audit_archived, audit_broken, audit_sound
        from config.kernel import bootstrap, metrics, status
        from config.kernel.access import Kind, Perm, register_credential
        from config.kernel.realtime import Topic, register_topic
        from nodes import metrics as fleet_metrics
        from nodes import status as sections
        from nodes.fleet import bootstrap as local
        from nodes.fleet import credentials, live
        from nodes.health import live as health
        from nodes.health import trail
        from nodes.meters import live as meters

        self._register_kinds()
        register_credential(credentials.PREFIX, Kind.NODE, credentials.load)
        register_topic(Topic(live.TOPIC, Perm.NODE_READ, snapshot=live.snapshot, visible=live.visible))
        register_topic(Topic(health.TOPIC, Perm.HEALTH_READ, snapshot=health.snapshot, visible=health.visible))
        register_topic(
            Topic(meters.TOPIC, Perm.NODE_READ, snapshot=meters.snapshot, visible=lambda actor, pairs: set(), numbered=False, attach=meters.attach)
        )
        for name, read in {
            "nodes": sections.nodes,
            "health": sections.health,
            "quarantined_files": sections.quarantined_files,
            "worst": sections.worst,
        }.items():
            status.register_section(name, read)
        metrics.register_collector(fleet_metrics.collect)
        metrics.register_restricted(fleet_metrics.FLEET_WIDE, fleet_metrics.sees_the_fleet)
        audit_broken.connect(trail.on_broken, dispatch_uid="nodes.audit_broken")
        audit_sound.connect(trail.on_sound, dispatch_uid="nodes.audit_sound")
        audit_archive_failed.connect(trail.on_archive_failed, dispatch_uid="nodes.audit_archive_failed")
        audit_archived.connect(trail.on_archived, dispatch_uid="nodes.audit_archived")
        bootstrap.register("node", local.step, bare=False)

    @staticmethod
    def _register_kinds():
        """Reach flows down only: site → node → interface → channel; room → the interfaces in it; an event needs each of its subjects."""
        from nodes import models
        from operators.access.scopes import register_kind

        register_kind("site", models.Site, grant_models=(models.SiteUserGrant, models.SiteGroupGrant))
        register_kind("room", models.Room, ancestors={"site": "site_id"})
        register_kind("node", models.Node, ancestors={"site": "site_id"}, grant_models=(models.NodeUserGrant, models.NodeGroupGrant))
        register_kind("interface", models.Interface, ancestors={"node": "node_id", "room": "room_id"})
        register_kind("channel", models.Channel, ancestors={"interface": "interface_id"})
        register_kind("node_credential", models.NodeCredential, ancestors={"node": "node_id"})
        register_kind("node_state", models.NodeState, ancestors={"node": "node_id"})
        register_kind(
            "health_event",
            models.HealthEvent,
            ancestors={"node": "node_id", "interface": "interface_id", "recording": "recording_id", "schedule": "schedule_id"},
            all_of=True,
        )
