"""What the task decorators register, for config.celery to compose; imports nothing, so that Celery's app can be made before Django is."""

# name → {"task", "schedule", "options"}: Celery's beat_schedule.
BEAT: dict[str, dict] = {}
# name → {"queue"}: Celery's task_routes.
ROUTES: dict[str, dict] = {}
