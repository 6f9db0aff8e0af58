"""Routes below /api/v1/. Static paths come before `:id`."""

urlpatterns: list = []
