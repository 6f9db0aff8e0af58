"""How spectacular names our one authenticator; the schemes themselves are in `openapi.finish`, which brings this along."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class TallyAuthenticationScheme(OpenApiAuthenticationExtension):
    target_class = "config.kernel.authentication.TallyAuthentication"
    name = ["bearer", "cookie"]

    def get_security_definition(self, auto_schema):
        return [{"type": "http", "scheme": "bearer"}, {"type": "apiKey", "in": "cookie", "name": "session"}]
