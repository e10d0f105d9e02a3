# SPDX-License-Identifier: MIT
"""The HTTP server: this machine alone, one page, and questions in JSON."""

from __future__ import annotations

import hmac
import json
import logging
import os
import re
import secrets
import socketserver
import sys
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gru_ext.serve.page import Page
from gru_ext.serve.questions import LARGEST

_logger = logging.getLogger("gru_ext")

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")
# Connections at a time, and the seconds that one of them may be silent.
_CONNECTIONS, _SILENT = 32, 30

Answer = Callable[[bytes], object]


class Server(ThreadingHTTPServer):
    """Serves one page, at an address that cannot be guessed, and answers its questions.

    Parameters
    ----------
    port : int
        0: a free one.
    page : Page
    answers : mapping of str to callable
        By the last part of the address: from the body of a question to an object for JSON. A
        TypeError or ValueError is an answer too: the question is not allowed.

    Raises
    ------
    OSError
        The port is not free, or not allowed.
    """

    daemon_threads = True
    allow_reuse_address = os.name == "posix"  # elsewhere two processes could share the port

    def __init__(self, port: int, page: Page, answers: Mapping[str, Answer]) -> None:
        self.page, self.answers = page, answers
        self.token = secrets.token_urlsafe(24)
        self._room = threading.BoundedSemaphore(_CONNECTIONS)
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise OSError(f"cannot serve at port {port}: {error.strerror}") from None

    @property
    def address(self) -> str:
        """The address of the page."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    @property
    def hosts(self) -> list[str]:
        """The names by which a request may call this server."""
        return [f"{name}:{self.server_port}" for name in _NAMES]

    def server_bind(self) -> None:
        """Bind to the address, without a search for this machine's name in the network."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.socket.getsockname()[1]

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer a request, or close the connection where there are too many."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say in one line what went wrong; nothing if it is only that the client has gone."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            _logger.error("a request failed: %s", type(error).__name__)


class _RefusedError(Exception):
    """The status with which a request is refused."""


class _Handler(BaseHTTPRequestHandler):
    """One request; the connection is closed after it."""

    server: Server
    timeout = _SILENT

    def do_GET(self) -> None:
        self._respond(self._page)

    def do_POST(self) -> None:
        self._respond(self._answer)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what http.server refuses: what is not HTTP, or has another method."""
        status = HTTPStatus(code)
        self._refuse(
            HTTPStatus.METHOD_NOT_ALLOWED if status == HTTPStatus.NOT_IMPLEMENTED else status
        )

    def version_string(self) -> str:
        return "gru-ext"

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: addresses have the token, and questions are nobody's business."""

    def _respond(self, respond: Callable[[], None]) -> None:
        try:
            respond()
        except _RefusedError as refused:
            self._refuse(refused.args[0])
        except (ValueError, TypeError) as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except OSError:
            raise  # the client has gone
        except Exception as error:
            _logger.error("a question could not be answered: %s", type(error).__name__)
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR)

    def _page(self) -> None:
        if self._checked_name() != "":
            raise _RefusedError(HTTPStatus.NOT_FOUND)
        policy = {"Content-Security-Policy": self.server.page.policy}
        self._send(HTTPStatus.OK, "text/html; charset=utf-8", self.server.page.body, policy)

    def _answer(self) -> None:
        body = self._body()
        name = self._checked_name()
        if self.headers.get("Origin") is None:  # browsers say it with every POST
            raise _RefusedError(HTTPStatus.FORBIDDEN)
        if name not in self.server.answers:
            raise _RefusedError(HTTPStatus.NOT_FOUND)
        if self.headers.get("Content-Type") != "application/json":
            raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        self._send_json(HTTPStatus.OK, self.server.answers[name](body))

    def _body(self) -> bytes:
        lengths = self.headers.get_all("Content-Length", [])
        if "Transfer-Encoding" in self.headers or not lengths:
            raise _RefusedError(HTTPStatus.LENGTH_REQUIRED)
        if len(lengths) > 1 or not re.fullmatch("[0-9]{1,18}", lengths[0]):
            raise _RefusedError(HTTPStatus.BAD_REQUEST)
        length = int(lengths[0])
        if length > LARGEST:
            raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionAbortedError("the client has gone")
        return body

    def _checked_name(self) -> str:
        """The last part of the address, of a request that knows the token.

        Another site that a browser shows cannot send one: its Origin is another, and it does not
        know the token. A name that leads here by DNS is not in the list of hosts.
        """
        hosts, origins = (self.headers.get_all(name, []) for name in ("Host", "Origin"))
        if len(hosts) != 1 or hosts[0] not in self.server.hosts:
            raise _RefusedError(HTTPStatus.FORBIDDEN)
        if origins not in ([], [f"http://{hosts[0]}"]):
            raise _RefusedError(HTTPStatus.FORBIDDEN)
        begin, _, name = self.path.rpartition("/")
        if not hmac.compare_digest(begin.encode(), f"/{self.server.token}".encode()):
            raise _RefusedError(HTTPStatus.NOT_FOUND)
        return name

    def _refuse(self, status: HTTPStatus, message: str = "") -> None:
        allow = {"Allow": "GET, POST"} if status == HTTPStatus.METHOD_NOT_ALLOWED else {}
        self._send_json(status, {"error": message or status.phrase}, allow)

    def _send_json(
        self, status: HTTPStatus, content: object, more: Mapping[str, str] | None = None
    ) -> None:
        body = json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
        self._send(status, "application/json", body, more or {})

    def _send(
        self, status: HTTPStatus, content_type: str, body: bytes, more: Mapping[str, str]
    ) -> None:
        headers = {
            "Content-Type": content_type,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            **more,
        }
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
