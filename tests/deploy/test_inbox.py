"""The inbox in Kubernetes: one pod, one volume, and settings that exist."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from gateway.config.load import load

DEPLOY = Path(__file__).parents[2] / "deploy"
INBOX = DEPLOY / "components" / "inbox"
KUBERNETES = "1.32.0"
DOCUMENTS = [
    document
    for name in ("stateful-set.yaml", "network-policy.yaml")
    for document in yaml.safe_load_all((INBOX / name).read_text())
]


def by_kind(kind: str) -> dict[str, Any]:
    (found,) = [one for one in DOCUMENTS if one["kind"] == kind]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one["kind"])
def test_there_is_only_what_kubernetes_knows(document: dict[str, Any]) -> None:
    """A misspelt field would be dropped without a word by older clusters."""
    kubernetes_validate.validate(document, KUBERNETES, strict=True)

    assert document["metadata"]["name"] == "dinie-inbox"


@pytest.mark.parametrize("environment", ["sandbox", "production"])
def test_it_is_configured_with_keys_that_exist(environment: str) -> None:
    """Its subscribers, too: a fault there would show at the start of the pod."""
    (container,) = by_kind("StatefulSet")["spec"]["template"]["spec"]["containers"]
    values = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    values["GATEWAY__WEBHOOKS__SUBSCRIBERS"] = by_kind("ConfigMap")["data"][
        "subscribers"
    ]

    config = load(environment=environment, env=values).config

    assert config.webhooks.subscribers[0].events == ("*",)
    mounts = {one["mountPath"] for one in container["volumeMounts"]}
    assert str(Path(config.storage.sqlite_path).parent) in mounts
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    assert ports["webhooks"] == config.listen.webhooks.port
    assert ports["admin"] == config.listen.admin.port


def test_its_volume_outlives_the_pod() -> None:
    """An emptyDir would lose what was acknowledged."""
    spec = by_kind("StatefulSet")["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    (container,) = spec["template"]["spec"]["containers"]

    assert spec["replicas"] == 1
    assert claim["metadata"]["name"] in {
        one["name"] for one in container["volumeMounts"]
    }


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("overlay", ["sandbox", "production"])
def test_it_runs_in_the_overlays_environment(tmp_path: Path, overlay: str) -> None:
    """The label that the overlay puts on the pod is what it reads."""
    where = os.path.relpath(DEPLOY, tmp_path)
    text = (DEPLOY / "overlays" / overlay / "kustomization.yaml").read_text()
    (tmp_path / "kustomization.yaml").write_text(
        text.replace("../../base", f"{where}/base")
        + f"\ncomponents: [{where}/components/inbox]\n"
    )

    done = subprocess.run(  # noqa: S603
        [
            shutil.which("kubectl") or "kubectl",
            "kustomize",
            "--load-restrictor",
            "LoadRestrictionsNone",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    (made,) = [
        one for one in yaml.safe_load_all(done.stdout) if one["kind"] == "StatefulSet"
    ]
    template = made["spec"]["template"]
    source = template["spec"]["containers"][0]["env"][0]["valueFrom"]["fieldRef"]
    assert source["fieldPath"] == "metadata.labels['dinie-gateway/environment']"
    assert template["metadata"]["labels"]["dinie-gateway/environment"] == overlay
