"""People and machines at the same rows at the same time: nobody's edit is lost, and nobody waits for each other for ever."""

import pytest

from nodes.fleet.models import Interface, Node, Site
from tests.at_once import at_once
from tests.cast import ApiClient, token_of
from tests.factories.nodes import heartbeat, issue_token, make_node, make_site, reported_interface

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS, CALLERS = 3, 4


@pytest.mark.parametrize("thing", ["node", "site", "interface"])
def test_of_edits_that_saw_the_same_state_one_is_made(alice, thing):
    node = make_node(site=make_site())
    path = {"node": f"/nodes/{node.pk}", "site": f"/sites/{node.site_id}", "interface": f"/nodes/{node.pk}/interfaces/{node.interfaces.get().pk}"}[
        thing
    ]
    row = {"node": (Node, node.pk), "site": (Site, node.site_id), "interface": (Interface, node.interfaces.get().pk)}[thing]
    field = "alias" if thing == "interface" else "notes"
    clients = [ApiClient(token_of(alice)) for _ in range(CALLERS)]
    for number in range(ROUNDS):
        clients[0].patch(path, {field: f"round {number}"})
        seen = clients[0].patch(path, {field: f"round {number}."}).headers["ETag"]
        acts = [lambda client=client, k=k: client.patch(path, {field: f"{number}.{k}"}, If_Match=seen) for k, client in enumerate(clients)]
        replies = at_once(*acts)
        assert sorted(reply.status_code for reply in replies) == [200] + [412] * (CALLERS - 1)
        [won] = [k for k, reply in enumerate(replies) if reply.status_code == 200]
        assert getattr(row[0].objects.get(pk=row[1]), field) == f"{number}.{won}"


def test_a_heartbeat_with_news_of_an_interface_and_a_persons_edit_of_it_both_come_through(alice):
    node = make_node(channels=0)
    person, agent = ApiClient(token_of(alice)), ApiClient(issue_token(node))
    say = lambda seq, **news: agent.post(f"/nodes/{node.pk}/heartbeat", heartbeat(seq=seq, interfaces=[reported_interface(**news)]))  # noqa: E731
    assert say(1).status_code == 202
    interface = Interface.objects.get(node=node)
    for number in range(8):
        replies = at_once(
            lambda: say(number + 2, xruns=number + 1, channelCount=4 + number),
            lambda: person.patch(f"/nodes/{node.pk}/interfaces/{interface.pk}", {"alias": f"Desk {number}"}),
            lambda: person.patch(f"/nodes/{node.pk}", {"alias": f"rec-x{number}"}),
        )
        assert [reply.status_code for reply in replies] == [202, 200, 200]
    interface.refresh_from_db()
    assert (interface.alias, interface.xruns, interface.channel_count) == ("Desk 7", 8, 11)
