"""What an action says about itself for the OpenAPI document, kept until somebody asks for that.

@extend_schema(request=Body, responses={201: ThingSerializer})
def create(self, request): …

The arguments are those of drf-spectacular's decorator of this name, which makes a class of each and brings half of Django's test tools along:
too much for every start of a server that is asked for its document once a week. `openapi.Generator` applies it then.
"""

from collections.abc import Callable
from typing import Any, TypeVar

Action = TypeVar("Action", bound=Callable)


def extend_schema(**facts: Any) -> Callable[[Action], Action]:
    """See the module."""

    def decorate(action: Action) -> Action:
        action.documented = facts
        return action

    return decorate
