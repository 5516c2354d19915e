"""Real brokers as processes of their own, on free ports, in a folder that is thrown away."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest


def program(name: str) -> str | None:
    """A server's program, which is not on every user's path."""
    return shutil.which(
        name,
        path=os.pathsep.join(["/usr/lib/rabbitmq/bin", os.environ.get("PATH", ""), "/usr/sbin"]),
    )


def free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Server:
    """A broker that can be stopped and started again with what it had."""

    program = ""
    scheme = ""

    def __init__(self, folder: Path, password: str = "", largest: int = 2**20) -> None:
        self.folder = folder
        self.port = free_port()
        self.password = password
        self.largest = largest
        self.process: subprocess.Popen | None = None

    def arguments(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def url(self, name: str, options: str = "", user: str = "") -> str:
        return f"{self.scheme}://{user}127.0.0.1:{self.port}/{name}{options}"

    def start(self) -> None:
        path = program(self.program)
        assert path is not None
        with (self.folder / "server.log").open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [path, *self.arguments()], stdout=log, stderr=log, env=self.environment(),
                start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with closing(socket.socket()) as one:
                if one.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "server.log").read_text(encoding="utf-8"))

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, number)  # a script's own child as well
            self.process.wait(30)
            self.process = None


class Nats(Server):
    program = "nats-server"
    scheme = "nats"

    def arguments(self) -> list[str]:
        settings = self.folder / "nats.conf"
        access = f'authorization {{ user: "bob", password: "{self.password}" }}'
        settings.write_text(
            f'listen: "127.0.0.1:{self.port}"\nmax_payload: {self.largest}\n'
            f'jetstream {{ store_dir: "{self.folder}" }}\n{access if self.password else ""}\n',
            encoding="utf-8",
        )
        return ["-c", str(settings)]


class Redis(Server):
    program = "redis-server"
    scheme = "redis"

    def arguments(self) -> list[str]:
        access = ["--requirepass", self.password] if self.password else []
        place = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        return [*place, "--appendonly", "yes", "--appendfsync", "always", "--save", "", *access]


class Rabbit(Server):
    program = "rabbitmq-server"
    scheme = "amqp"

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)
        self.ports = [free_port(), free_port()]

    def environment(self) -> dict[str, str]:
        folder = str(self.folder)
        return os.environ | {
            "HOME": folder,
            "ERL_EPMD_PORT": str(self.ports[0]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(self.ports[1]),
            "RABBITMQ_NODENAME": "test@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_MNESIA_BASE": folder,
            "RABBITMQ_LOG_BASE": folder,
            "RABBITMQ_CONFIG_FILE": f"{folder}/none",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
        }

    def arguments(self) -> list[str]:
        return []

    def stop(self, number: int = signal.SIGTERM) -> None:
        super().stop(number)
        killer = shutil.which("epmd")
        if killer is not None:
            subprocess.run(
                [killer, "-port", str(self.ports[0]), "-kill"], capture_output=True, check=False
            )


KINDS = {"nats": Nats, "redis": Redis, "rabbit": Rabbit}


def server_or_skip(kind: str, folder: Path, **options: object) -> Server:
    """A server that runs, or a skip that says what is missing."""
    made = KINDS[kind]
    if program(made.program) is None:
        pytest.skip(f"{made.program} is not installed")
    server = made(folder, **options)
    server.start()
    return server
