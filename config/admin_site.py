"""Django's admin as an app: with our site in the place of Django's."""

from django.contrib.admin.apps import AdminConfig


class TallyAdminConfig(AdminConfig):
    """`django.contrib.admin`, opened by the product's own sign-in."""

    default_site = "operators.identity.admin_site.TallyAdminSite"
