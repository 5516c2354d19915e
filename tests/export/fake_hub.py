"""As much of a model hub as an upload needs, on loopback; it keeps what it was sent."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_of_the_test"
_LARGE = 20_000


@dataclass
class FakeHub:
    """The state of the hub."""

    url: str = ""
    repos: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What each repository was made with."""
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Files of each repository by name."""
    large: dict[str, bytes] = field(default_factory=dict)
    """Large files by SHA-256, sent before the commit that names them."""
    commits: list[str] = field(default_factory=list)
    """Summaries."""
    asked: list[str] = field(default_factory=list)
    """Every request."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> FakeHub:
        return self.server.hub  # set by `running_hub`

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  theirs
        """Say nothing."""

    def do_GET(self) -> None:
        self.hub.asked.append(f"GET {self.path}")
        repo = self.path.removeprefix("/api/models/").split("/revision")[0].split("/tree")[0]
        if repo not in self.hub.repos:
            self._answer(404, {"error": "not found"})
            return
        names = list(self.hub.files[repo])
        if "/tree/" in self.path:
            self._answer(200, [{"type": "file", "path": n, "size": 1, "oid": "0"} for n in names])
        else:
            siblings = [{"rfilename": name} for name in names]
            self._answer(200, {"id": repo, "sha": "0" * 40, "siblings": siblings})

    def do_PUT(self) -> None:
        self.hub.asked.append(f"PUT {self.path}")
        content = self._body()
        self.hub.large[hashlib.sha256(content).hexdigest()] = content
        self._answer(200, {})

    def do_POST(self) -> None:
        self.hub.asked.append(f"POST {self.path}")
        body = self._body()
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._answer(401, {"error": "no token"})
            return
        routes = {
            "/api/repos/create": self._create,
            "/api/validate-yaml": lambda _: self._answer(200, {"errors": [], "warnings": []}),
            "/preupload/main": self._sort_out,
            "/info/lfs/objects/batch": self._offer,
            "/commit/main": self._commit,
        }
        for end, answer in routes.items():
            if self.path.endswith(end):
                answer(body)
                return
        self._answer(404, {"error": "not found"})

    def _create(self, body: bytes) -> None:
        wanted = json.loads(body)
        repo = f"{wanted['organization']}/{wanted['name']}"
        if repo in self.hub.repos:
            self._answer(409, {"error": "exists", "url": f"{self.hub.url}/{repo}"})
            return
        self.hub.repos[repo] = wanted
        self.hub.files[repo] = {}
        self._answer(200, {"url": f"{self.hub.url}/{repo}"})

    def _sort_out(self, body: bytes) -> None:
        modes = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["size"] > _LARGE else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(body)["files"]
        ]
        self._answer(200, {"files": modes})

    def _offer(self, body: bytes) -> None:
        objects = [
            {**o, "actions": {"upload": {"href": f"{self.hub.url}/lfs/{o['oid']}"}}}
            for o in json.loads(body)["objects"]
        ]
        self._answer(200, {"transfer": "basic", "objects": objects})

    def _commit(self, body: bytes) -> None:
        repo = self.path.removeprefix("/api/models/").split("/commit/")[0]
        files = self.hub.files[repo]
        for line in body.decode().splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                self.hub.commits.append(value["summary"])
            elif entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.large[value["oid"]]
            elif entry["key"] == "deletedFile":
                del files[value["path"]]
        self._answer(200, {"commitUrl": f"{self.hub.url}/{repo}/commit/0", "commitOid": "0" * 40})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _answer(self, status: int, content: object) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def running_hub() -> Iterator[FakeHub]:
    """Serve a hub until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.hub = FakeHub(url=f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
