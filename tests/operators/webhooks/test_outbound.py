"""What may be called and what is not: schemes, private addresses in every spelling, redirects, names that change, and endless answers."""

import socket
import threading
import time
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.kernel.outbound import guard, sender, signing

BODY = b"{}"


def resolving(monkeypatch, *answers):
    """Names resolve to each of these lists in turn, the last for ever; returns what was asked."""
    asked, left = [], list(answers)

    def lookup(host, port):
        asked.append(host)
        return left.pop(0) if len(left) > 1 else left[0]

    monkeypatch.setattr(guard, "lookup", lookup)
    return asked


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://user@example.com/",
        "https://user:pass@example.com/",
        "https://example.com/#part",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com:abc/",
        "https://exa mple.com/",
        "https://example.com/\r\nX: y",
        "https://example.com\\@127.0.0.1/",
        "https://[::1",
        "https://ex\u00e4mple.com/",
        "https://example.com/" + "a" * 2048,
        "javascript:alert(1)",
        "",
    ],
)  # fmt: skip
def test_what_is_no_url_to_call(url):
    with pytest.raises(guard.Refused):
        guard.parse(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1",
        "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:53aa:64c:0:fbff:8008:1", "::7f00:1", "fe80::1", "fe80::1%eth0",
        "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1",
    ],
)  # fmt: skip
def test_private_in_every_spelling(address):
    assert not guard.is_public(ip_address(address))
    with pytest.raises(guard.Refused):
        guard.judge(guard.Target("https", "x", 443, "/"), [address])


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8"])
def test_public(address):
    assert guard.is_public(ip_address(address))
    guard.judge(guard.Target("https", "x", 443, "/"), [address])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"])
def test_entering_one_that_lies_here_is_refused(host):
    with pytest.raises(guard.Refused):
        guard.check(f"https://{host}/hook")


def test_one_private_among_public_answers_refuses_all(monkeypatch):
    resolving(monkeypatch, ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(guard.Refused):
        guard.check("https://mixed.example/")


def test_a_name_without_an_address_may_be_entered(monkeypatch):
    def lookup(_host, _port):
        raise socket.gaierror

    monkeypatch.setattr(guard, "lookup", lookup)
    guard.check("https://not-yet.example/")
    assert sender.post("https://not-yet.example/", BODY, {}).error == "dns_failed"


def test_private_addresses_where_the_installation_wants_them(settings):
    settings.OUTBOUND_ALLOW_PRIVATE = True
    guard.check("https://192.168.1.1/")
    for url in ("http://192.168.1.1/", "http://127.0.0.1/", "https://0.0.0.0/", "https://224.0.0.1/"):
        with pytest.raises(guard.Refused):
            guard.check(url)


def test_http_with_debug_and_to_this_machine_only(settings):
    settings.DEBUG = True
    guard.check("http://127.0.0.1:8080/")
    guard.check("http://[::1]/")
    for url in ("http://10.0.0.1/", "http://8.8.8.8/", "https://127.0.0.1/"):
        with pytest.raises(guard.Refused):
            guard.check(url)


def test_nothing_is_sent_to_what_is_refused(receiver):
    assert sender.post(receiver.url, BODY, {}).error == "url_refused"
    assert sender.post(f"https://127.0.0.1:{receiver.port}/", BODY, {}).error == "url_refused"
    assert receiver.heard == []


def test_a_redirect_is_not_followed(receiver, here):
    receiver.replies = [(302, {"Location": receiver.url})]
    reply = sender.post(receiver.url, BODY, {})
    assert (reply.status, reply.error, reply.ok, len(receiver.heard)) == (302, "redirect_refused", False, 1)


def test_a_name_that_changes_after_the_check_is_asked_once(monkeypatch, receiver, here):
    # Public when judged, this machine when asked again: the attempt goes to what was judged, or nowhere.
    asked = resolving(monkeypatch, ["203.0.114.1"], ["127.0.0.1"])
    called = []

    def connect(address, timeout):
        called.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(sender.socket, "create_connection", connect)
    reply = sender.post(f"https://rebind.example:{receiver.port}/", BODY, {})
    assert (reply.error, asked, called) == ("connect_failed", ["rebind.example"], [("203.0.114.1", receiver.port)])
    assert sender.post(f"https://rebind.example:{receiver.port}/", BODY, {}).error == "url_refused" and len(called) == 1 and receiver.heard == []


def test_the_next_address_is_tried_when_the_first_is_dead(monkeypatch, receiver, here):
    resolving(monkeypatch, ["127.0.0.2", "127.0.0.1"])
    reply = sender.post(f"http://twice.example:{receiver.port}/", BODY, {})
    assert reply.ok and receiver.heard[0][0]["host"] == f"twice.example:{receiver.port}"


def test_tls_is_checked_against_the_name(settings, receiver):
    settings.OUTBOUND_ALLOW_PRIVATE = True
    assert sender.post(f"https://127.0.0.1:{receiver.port}/", BODY, {}).error == "tls_failed"


@pytest.fixture
def raw():
    """`raw(send)`: the port of a server that takes one connection and gives it to `send`."""
    servers = []

    def serve(send):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def run():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                try:
                    send(connection)
                except OSError:
                    return

        threading.Thread(target=run, daemon=True).start()
        return server.getsockname()[1]

    yield serve
    for server in servers:
        server.close()


def drip(connection):
    for _ in range(200):
        connection.sendall(b"H")
        time.sleep(0.05)


def drip_body(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    drip(connection)


@pytest.mark.parametrize("send", [drip, drip_body, lambda _connection: time.sleep(3)])
def test_all_of_it_has_one_deadline(raw, here, send):
    began = time.monotonic()
    reply = sender.post(f"http://127.0.0.1:{raw(send)}/", BODY, {}, seconds=0.4)
    assert reply.error == "timeout" and not reply.ok and time.monotonic() - began < 2


def test_no_more_than_64_kib_are_read(raw, here):
    def flood(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    reply = sender.post(f"http://127.0.0.1:{raw(flood)}/", BODY, {})
    assert reply.ok and len(reply.body) == 65536


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"", b"HTTP/1.1 999999 What\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1000])
def test_what_is_no_http_is_an_error(raw, here, answer):
    reply = sender.post(f"http://127.0.0.1:{raw(lambda connection: connection.sendall(answer))}/", BODY, {})
    assert not reply.ok and reply.error in {"protocol_error", "connect_failed"}


@given(st.text(max_size=80), st.sampled_from(["", "https://", "http://", "https://["]))
def test_parsing_refuses_and_never_breaks(text, start):
    try:
        target = guard.parse(start + text)
    except guard.Refused:
        return
    assert target.scheme == "https" and target.host and 0 < target.port < 65536 and target.path.startswith("/")


def test_the_example_of_the_specification():
    # standardwebhooks.com, "Signature scheme".
    signed = signing.signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
