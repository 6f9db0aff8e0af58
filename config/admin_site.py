"""Django's admin as an app: with our site in the place of Django's."""

from django.contrib.admin.apps import SimpleAdminConfig


class TallyAdminConfig(SimpleAdminConfig):
    """`django.contrib.admin`, opened by the product's own sign-in.

    Screens are looked for by the site when it makes its URLs or checks itself: worker and beat have no use for them.
    """

    default_site = "operators.identity.admin_site.TallyAdminSite"
