"""What can be done to a thing now, and why not: the write, the `/actions` route and the button ask the same function."""

from dataclasses import dataclass

from config.kernel.access import Actor, Perm, ports
from config.kernel.error_codes import CODES
from config.kernel.errors import ApiError


@dataclass(frozen=True)
class Action:
    """One possible action. `code` (and `data`) say why not; None: possible as far as the thing's state goes."""

    method: str
    permission: Perm
    href: str | None = None
    code: str | None = None
    reason: str | None = None
    data: dict | None = None

    def state(self, allowed: bool) -> dict:
        """`{enabled, method, href?, permission, code?, reason?}`; a missing permission comes before a state code."""
        code = self.code if allowed else "permission_denied"
        state = {"enabled": code is None, "method": self.method, "permission": self.permission.value}
        if self.href:
            state["href"] = self.href
        if code:
            state["code"] = code
            state["reason"] = self.reason if allowed and self.reason else CODES[code].message
        return state

    def demand(self) -> None:
        """For the write: raise what `/actions` would say."""
        if self.code:
            raise ApiError(self.code, self.reason, data=self.data)


def states(actions: dict[str, Action], actor: Actor, obj) -> dict:
    """The body of `GET …/:id/actions`."""
    decided = ports.decide_each(actor, {action.permission for action in actions.values()}, obj)
    return {"actions": {name: action.state(decided[action.permission].allowed) for name, action in actions.items()}}
