# SPDX-License-Identifier: MIT
"""The server: who is answered, what is refused, and that nothing brings it down."""

import contextlib
import http.client
import json
import os
import re
import select
import socket
import struct
import threading
import time

import pytest
from pages import random_model

from gru_ext.serve.answers import Answers
from gru_ext.serve.page import page_of
from gru_ext.serve.questions import LARGEST
from gru_ext.serve.server import Server

TEXT = "The quick brown fox.\n"
ASKED = {"text": "The q", "caret": 5}
SAMPLED = {**ASKED, "length": 20, "temperature": 1, "top_p": 1, "seed": 1}


@pytest.fixture(scope="module")
def model():
    return random_model(TEXT)


@pytest.fixture
def server(model):
    answers = Answers(model)

    def fail(body):
        raise KeyError("secret")

    names = {"read": answers.read, "continue": answers.propose, "fail": fail}
    with Server(0, page_of(model, "m.npz"), names) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def path_of(server, name=""):
    return f"/{server.token}/{name}"


def send(server, method, path, body=b"", headers=None):
    """Status, headers and body; a header that is None is left out, a list is sent several times."""
    host = f"127.0.0.1:{server.server_port}"
    given = {"Host": host}
    if method == "POST":
        given |= {
            "Origin": f"http://{host}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
        }
    given |= headers or {}
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in given.items():
        for each in value if isinstance(value, list) else [value]:
            if each is not None:
                connection.putheader(name, each)
    connection.endheaders(body)
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    return response.status, response.headers, answer


def ask(server, question, name="read", **headers):
    body = question if isinstance(question, bytes) else json.dumps(question).encode()
    status, _, answer = send(server, "POST", path_of(server, name), body, headers)
    return status, json.loads(answer)


def test_the_page(server):
    status, headers, page = send(server, "GET", path_of(server))
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["script-src"].startswith("'sha256-")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] == "gru-ext"
    assert b"m.npz" in page
    assert not re.search(rb"(src|href)=", page.split(b"<script")[0])


def test_the_address(server, model):
    assert server.address == f"http://127.0.0.1:{server.server_port}{path_of(server)}"
    assert server.socket.getsockname()[0] == "127.0.0.1"
    assert re.fullmatch(r"[\w-]{32}", server.token)
    with Server(0, server.page, {}) as other:
        assert other.token != server.token


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_names_of_this_machine(server, name):
    host = f"{name}:{server.server_port}"
    assert send(server, "GET", path_of(server), headers={"Host": host})[0] == 200
    assert ask(server, ASKED, Host=host, Origin=f"http://{host}")[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/", {}, 404),
        ("GET", "/TOKEN", {}, 404),
        ("GET", "/WRONG/", {}, 404),
        ("GET", "/TOKEN/x", {}, 404),
        ("GET", "/TOKEN/read", {}, 404),
        ("GET", "/TOKEN/../", {}, 404),
        ("GET", "/TOKEN/../../etc/passwd", {}, 404),
        ("GET", "/TOKEN/?x", {}, 404),
        ("GET", "/\xe9/", {}, 404),
        ("GET", "/favicon.ico", {}, 404),
        ("GET", "/TOKEN/", {"Host": "evil.example:PORT"}, 403),
        ("GET", "/TOKEN/", {"Host": "127.0.0.1"}, 403),
        ("GET", "/TOKEN/", {"Host": "127.0.0.1:1"}, 403),
        ("GET", "/TOKEN/", {"Host": None}, 403),
        ("GET", "/TOKEN/", {"Host": ["127.0.0.1:PORT", "evil.example"]}, 403),
        ("GET", "/TOKEN/", {"Origin": "http://evil.example"}, 403),
        ("POST", "/TOKEN/read", {"Host": "evil.example:PORT"}, 403),
        ("POST", "/TOKEN/read", {"Origin": None}, 403),
        ("POST", "/TOKEN/read", {"Origin": "null"}, 403),
        ("POST", "/TOKEN/read", {"Origin": "http://evil.example"}, 403),
        ("POST", "/TOKEN/read", {"Origin": "https://127.0.0.1:PORT"}, 403),
        ("POST", "/TOKEN/read", {"Origin": "http://localhost:PORT"}, 403),
        ("POST", "/WRONG/read", {}, 404),
        ("POST", "/TOKEN/", {}, 404),
        ("POST", "/TOKEN/other", {}, 404),
        ("POST", "/TOKEN/read", {"Content-Type": None}, 415),
        ("POST", "/TOKEN/read", {"Content-Type": "text/plain"}, 415),
        ("POST", "/TOKEN/read", {"Content-Length": None}, 411),
        ("POST", "/TOKEN/read", {"Transfer-Encoding": "chunked"}, 411),
        ("POST", "/TOKEN/read", {"Content-Length": "-1"}, 400),
        ("POST", "/TOKEN/read", {"Content-Length": "\xb2"}, 400),
        ("POST", "/TOKEN/read", {"Content-Length": "9" * 30}, 400),
        ("POST", "/TOKEN/read", {"Content-Length": ["2", "2"]}, 400),
        ("POST", "/TOKEN/read", {"Content-Length": str(LARGEST + 1)}, 413),
        ("PUT", "/TOKEN/read", {}, 405),
        ("DELETE", "/TOKEN/", {}, 405),
        ("HEAD", "/TOKEN/", {}, 405),
        ("OPTIONS", "/TOKEN/read", {"Origin": "http://evil.example"}, 405),
        ("__init__", "/TOKEN/", {}, 405),
    ],
)
def test_what_is_refused(server, method, path, headers, status):
    port = str(server.server_port)
    path = path.replace("TOKEN", server.token)
    headers = {
        name: [each.replace("PORT", port) for each in value]
        if isinstance(value, list)
        else value and value.replace("PORT", port)
        for name, value in headers.items()
    }
    if not path.isascii():  # http.client does not send it
        answer = raw(server, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.0 404")
        return
    found, sent, body = send(server, method, path, b"", headers)
    assert found == status
    assert "Access-Control-Allow-Origin" not in sent
    assert server.token.encode() not in body
    if method != "HEAD":
        assert set(json.loads(body)) == {"error"}


def raw(server, data):
    """All that is answered to some bytes."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while part := client.recv(65536):
            answer += part
        return answer


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"Bad Request"),  # TLS
        (b"GET / HTTP/9.9\r\n\r\n", b"HTTP Version Not Supported"),
        (b"GET /\r\n\r\n", b"error"),
        (b"GET /" + b"a" * 70_000, b" 414 "),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b" 431 "),
        (b"", b""),
    ],
)
def test_what_is_not_http(server, data, told, capfd):
    answer = raw(server, data)
    assert told in answer
    assert b"Traceback" not in answer
    assert capfd.readouterr() == ("", "")
    assert ask(server, ASKED)[0] == 200


@pytest.mark.parametrize(
    ("name", "question", "told"),
    [
        ("read", b"", "not JSON"),
        ("read", b"{", "not JSON"),
        ("read", b"\xff\xfe\xfd", "not JSON"),
        ("read", b"[" * 100_000, "nested too deeply"),
        ("read", b'{"text":' + b"9" * 9000 + b"}", "not JSON"),
        ("read", b'{"text":"a","caret":NaN}', "not JSON"),
        ("read", [], "`question` must be a JSON object"),
        ("read", {}, "`text` must be a str of at most 10,000 characters"),
        ("read", {**ASKED, "text": 3}, "`text` must be a str"),
        ("read", {**ASKED, "text": "a" * 10_001}, r"`text` must be .*\(10,001 characters\)"),
        ("read", {**ASKED, "caret": None}, "`caret` must be a whole number"),
        ("read", {**ASKED, "caret": 1.5}, "`caret` must be a whole number"),
        ("read", {**ASKED, "caret": True}, "`caret` must be a whole number"),
        ("read", {**ASKED, "caret": -1}, "`caret` must be a whole number"),
        ("read", {**ASKED, "caret": 6}, "`caret` must be at most the length of `text`, 5, not 6"),
        ("read", SAMPLED, "a question has no 'length', 'seed', 'temperature' and 1 more"),
        ("continue", ASKED, "`length` must be a whole number from 1 to 500"),
        ("continue", {**SAMPLED, "length": 501}, "`length` must be a whole number from 1 to 500"),
        ("continue", {**SAMPLED, "temperature": -1}, "`temperature` must be a finite number, 0 or"),
        ("continue", {**SAMPLED, "temperature": "1"}, "`temperature` must be"),
        ("continue", {**SAMPLED, "top_p": 0}, "`top_p` must be a number above 0, up to 1, not 0"),
        ("continue", {**SAMPLED, "seed": 2**54}, "`seed` must be"),
    ],
)
def test_wrong_questions(server, name, question, told):
    status, answer = ask(server, question, name)
    assert status == 400
    assert re.search(told, answer["error"])
    assert len(answer["error"]) < 300
    assert "Traceback" not in answer["error"]


def test_questions_that_are_just_allowed(server):
    assert ask(server, {"text": "😀" * 10_000, "caret": 10_000})[0] == 200
    assert ask(server, {**SAMPLED, "length": 500, "temperature": 0}, "continue")[0] == 200
    assert ask(server, {**SAMPLED, "temperature": 1e300}, "continue")[0] == 200


def test_a_failure_says_nothing(server, caplog):
    assert ask(server, ASKED, "fail") == (500, {"error": "Internal Server Error"})
    assert caplog.messages == ["a question could not be answered: KeyError"]
    assert ask(server, ASKED)[0] == 200


def test_requests_at_the_same_time(server, model):
    texts = [TEXT * (1 + i % 3) + TEXT[: i + 1] for i in range(8)]
    questions = [
        {**SAMPLED, "text": text, "caret": len(text), "seed": i} for i, text in enumerate(texts)
    ]
    alone = [
        (
            Answers(model).read(json.dumps({"text": t, "caret": len(t)}).encode()),
            Answers(model).propose(json.dumps(q).encode()),
        )
        for t, q in zip(texts, questions, strict=True)
    ]
    found = [None] * 8

    def client(i):
        for _ in range(4):
            read = ask(server, {"text": texts[i], "caret": len(texts[i])})[1]
            found[i] = read, ask(server, questions[i], "continue")[1]

    threads = [threading.Thread(target=client, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for (read, more), (expected, continued) in zip(found, alone, strict=True):
        assert read["bits"] == [None, *(pytest.approx(b, abs=2e-3) for b in expected["bits"][1:])]
        assert [each["text"] for each in more["continuations"]] == [
            each["text"] for each in continued["continuations"]
        ]


def test_a_client_that_disappears_is_no_error(server, capfd, caplog):
    host = f"Host: 127.0.0.1:{server.server_port}\r\nOrigin: http://127.0.0.1:{server.server_port}"
    for name, body in (("continue", SAMPLED), ("read", ASKED)):
        data = json.dumps({**body}).encode()
        head = (
            f"POST {path_of(server, name)} HTTP/1.1\r\n{host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n\r\n"
        ).encode()
        for sent in (head[:20], head, head + data[:5], head + data):
            client = socket.create_connection(("127.0.0.1", server.server_port))
            # closed with a reset, as by a process that ends
            linger = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            client.sendall(sent)
            client.close()
    assert ask(server, ASKED)[0] == 200
    wait_for_threads()
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []


def wait_for_threads():
    """Wait until no request is answered any more."""
    for _ in range(1000):
        if not any("process_request" in thread.name for thread in threading.enumerate()):
            return
        time.sleep(0.01)
    pytest.fail("a request does not end")


@pytest.mark.parametrize("body", [b"", b"POST ", b"POST /x HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"])
def test_a_client_that_says_nothing_is_left(server, monkeypatch, capfd, body):
    monkeypatch.setattr(server.RequestHandlerClass, "timeout", 0.1)
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as client:
        client.sendall(body)
        with contextlib.suppress(ConnectionError):  # it was closed although not all was read
            assert client.recv(1) == b""
    wait_for_threads()
    assert capfd.readouterr() == ("", "")


def test_there_is_a_limit_of_connections(server):
    silent = [socket.create_connection(("127.0.0.1", server.server_port)) for _ in range(33)]
    (closed,) = select.select(silent, [], [], 20)[0]
    assert closed.recv(1) == b""
    for client in silent:
        client.close()
    wait_for_threads()
    assert ask(server, ASKED)[0] == 200


def test_a_port_that_is_taken(server):
    with pytest.raises(OSError, match=f"cannot serve at port {server.server_port}: "):
        Server(server.server_port, server.page, {})
