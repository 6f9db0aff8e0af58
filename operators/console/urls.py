"""Pages of this app. The pages of the other apps are composed beside these in `config/urls.py`."""

from django.urls import path

from operators.console import pages as console
from operators.identity import pages
from operators.identity.people import pages as people
from operators.webhooks import pages as webhooks
from operators.workspaces import pages as workspaces

urlpatterns = [
    path("sign-in", pages.sign_in, name="sign-in"),
    path("account", pages.account, name="account"),
    *console.urlpatterns,
    *people.urlpatterns,
    *workspaces.urlpatterns,
    *webhooks.urlpatterns,
]
