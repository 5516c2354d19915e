"""A real HTTP server on the loopback that answers as a script says, well or badly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Server:
    """Gives the n-th request for a path its n-th answer; the last answer is given ever after."""

    port: int = 0
    script: dict[str, list[Answer]] = field(default_factory=dict)
    requests: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def url(self, path: str = "/file") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def answers(self, *answers: Answer, path: str = "/file") -> str:
        self.script[path] = list(answers)
        return self.url(path)

    def ranges(self) -> list[str | None]:
        return [headers.get("range") for _, headers in self.requests]


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.requests.append((self.path, headers))
            self.close_connection = True
            queue = server.script[self.path]
            answer = queue.pop(0) if len(queue) > 1 else queue[0]
            answer(self)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up on an endless answer is what the tests want."""

    with Quiet(("127.0.0.1", 0), Handler) as http:
        server.port = http.server_address[1]
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


def reply(status: int, body: bytes = b"", **headers: str | int) -> Answer:
    """Send exactly these headers; underscores in their names stand for hyphens."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), str(value))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def whole(content: bytes, **headers: str | int) -> Answer:
    """A server that knows no ranges."""
    return reply(200, content, Content_Length=len(content), **headers)


def partly(content: bytes, etag: str | None = '"1"') -> Answer:
    """A good server: honours Range, and If-Range by its ETag."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        mark = {} if etag is None else {"ETag": etag}
        wanted = handler.headers.get("Range")
        if not wanted or handler.headers.get("If-Range", etag) != etag:
            return whole(content, **mark)(handler)
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            return reply(416, Content_Length=0)(handler)
        rest = content[start:]
        place = f"bytes {start}-{len(content) - 1}/{len(content)}"
        headers = {"Content_Range": place, "Content_Length": len(rest), **mark}
        return reply(206, rest, **headers)(handler)

    return answer


def broken(content: bytes, after: int, **headers: str | int) -> Answer:
    """Announce everything, send the first bytes, hang up."""
    return reply(200, content[:after], Content_Length=len(content), **headers)


def endless(chunk: bytes = bytes(2**16)) -> Answer:
    """Never stop, and never say how long it will be."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(chunk)

    return answer
