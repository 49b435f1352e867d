"""What is in `deploy/` fits the code that it starts."""

import re
from pathlib import Path

import pytest
import yaml
from django.conf import settings

DEPLOY = Path(settings.BASE_DIR) / "deploy"
SETTINGS = (Path(settings.BASE_DIR) / "fedshare_site" / "settings.py").read_text()
QUEUES = {queue.name for queue in settings.CELERY_TASK_QUEUES}
THEIRS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "OMP_NUM_THREADS"}


def _documents():
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        yield from (document for document in yaml.safe_load_all(path.read_text()) if document)


def _deployments():
    return [one for one in _documents() if one["kind"] == "Deployment"]


def _containers():
    for one in _deployments():
        pod = one["spec"]["template"]["spec"]
        yield from ((pod, container) for container in [*pod.get("initContainers", []), *pod["containers"]])


def test_every_file_is_part_of_the_base():
    base = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())
    files = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")} - {"kustomization.yaml"}
    assert set(base["resources"]) == files


def test_a_deployment_finds_its_pods_and_its_volumes():
    for one in _deployments():
        labels = one["spec"]["template"]["metadata"]["labels"]
        assert one["spec"]["selector"]["matchLabels"] == labels
    for pod, container in _containers():
        volumes = {volume["name"] for volume in pod["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


def test_nothing_runs_as_root_or_without_limits():
    for pod, container in _containers():
        assert pod["securityContext"]["runAsNonRoot"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
    for one in _deployments():
        assert all("memory" in c["resources"]["limits"] for c in one["spec"]["template"]["spec"]["containers"])


def test_every_variable_is_a_setting():
    base = (DEPLOY / "kubernetes" / "kustomization.yaml").read_text()
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    named = set(re.findall(r"\b([A-Z][A-Z0-9]+_[A-Z0-9_]+)\b", base)) | set(compose["x-fedshare"]["environment"])
    assert "FEDSHARE_S3_BUCKET" in named
    for name in named - THEIRS:
        assert f'"{name}"' in SETTINGS, name


@pytest.mark.parametrize("place", ["kubernetes", "compose"])
def test_every_queue_has_a_worker(place):
    if place == "kubernetes":
        served = {queue for _pod, one in _containers() for arg in one.get("args", []) for queue in arg.split(",")}
    else:
        services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
        commands = [service.get("command", "") for service in services.values()]
        served = {q for found in re.findall(r"--queues (\S+)", " ".join(commands)) for q in found.split(",")}
    assert served == QUEUES
