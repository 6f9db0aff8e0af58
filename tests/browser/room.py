"""Hands in the control room, for browser tests: the owner directs, guests come by invites with a client of their own."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import httpx

_numbers = itertools.count(1)


@dataclass
class Operator:
    """Somebody in the room, by the API."""

    id: str
    name: str
    role: str
    http: httpx.Client

    def send(self, method: str, path: str, body: dict | None = None) -> httpx.Response:
        return self.http.request(method, path, json=body) if body is not None else self.http.request(method, path)


class Room:
    """The one control room of the stack. The owner is its director, here and in every page of the shared sign-in."""

    def __init__(self, origin: str, api):
        self.origin, self.api = origin, api
        self._guests: list[Operator] = []
        self.enter()

    def enter(self) -> dict:
        mine = self.api.get("/operator/me")["operator"]
        return mine or self.api.post("/operator/register", {"name": "Alice", "role": "director"})

    def invite(self, role: str, **body) -> str:
        """The link of a personal invite."""
        made = self.api.post("/operator/invites", {"kind": "personal", "role": role, **body})
        return f"{self.origin}/join#{made['token']}"

    def guest(self, role: str, name: str | None = None) -> Operator:
        token = self.invite(role).partition("#")[2]
        body = {"name": name or f"Guest {next(_numbers)}", "inviteToken": token}
        reply = httpx.post(f"{self.origin}/api/v1/operator/register", json=body, timeout=20)
        assert reply.status_code == 200, reply.text
        data = reply.json()["data"]
        http = httpx.Client(base_url=f"{self.origin}/api/v1", timeout=20, headers={"Authorization": f"Bearer {data['token']}"})
        made = Operator(data["id"], data["name"], data["role"], http)
        self._guests.append(made)
        return made

    def state(self) -> dict:
        return self.api.get("/control-room/state")

    def clear(self) -> None:
        """Everybody but the director goes, nothing stays locked, and the next test finds the slate as it was."""
        for operator in self.state()["operators"]:
            if not operator["guest"]:
                continue
            self.api.http.delete(f"/operator/{operator['id']}")
        for subsystem in self.state()["locks"]:
            self.api.post("/operator/force-unlock", {"subsystem": subsystem})
        self.api.http.put("/control-room/slate", json={"title": "Back soon", "subtitle": ""})
        for command in ("lower-third/hide", "captions/clear"):
            self.api.http.post(f"/control-room/{command}", json={})
        self._guests.clear()
