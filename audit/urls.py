"""Routes of the audit, relative to /api/v1/."""

urlpatterns = []
