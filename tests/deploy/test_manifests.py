"""The Kubernetes manifests: would the pod run, and does only the environment differ?"""

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
OVERLAYS = ("sandbox", "production")
KUBERNETES = "1.32.0"

needs_kubectl = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl is not installed"
)


def documents(text: str) -> list[dict[str, Any]]:
    """Return the documents of a YAML stream."""
    return [found for found in yaml.safe_load_all(text) if found]


def read(path: str) -> dict[str, Any]:
    """Return the one document of a file below `deploy`."""
    (found,) = documents((DEPLOY / path).read_text())
    return found


def pod() -> dict[str, Any]:
    """Return the pod of the base."""
    spec: dict[str, Any] = read("base/deployment.yaml")["spec"]["template"]["spec"]
    return spec


def sidecar() -> dict[str, Any]:
    """Return the gateway's container of the base."""
    (found,) = pod()["initContainers"]
    assert isinstance(found, dict)
    return found


def variables(container: dict[str, Any]) -> dict[str, str]:
    """Return the environment of a container."""
    return {entry["name"]: entry.get("value", "") for entry in container["env"]}


def patched(kustomization: str) -> dict[str, Any]:
    """Return the gateway's container as a kustomization's one patch has it."""
    (patch,) = read(kustomization)["patches"]
    spec = yaml.safe_load(patch["patch"])["spec"]["template"]["spec"]
    (found,) = spec["initContainers"]
    assert isinstance(found, dict)
    assert found["name"] == sidecar()["name"]
    return found


def render(folder: Path) -> str:
    """Return what `kubectl kustomize` makes of a folder."""
    done = subprocess.run(  # noqa: S603
        [shutil.which("kubectl") or "kubectl", "kustomize", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("environment", OVERLAYS)
def test_the_sidecars_variables_are_settings_of_the_gateway(environment: str) -> None:
    """A misspelt variable would leave the pod in a crash loop with exit code 2."""
    patch = patched(f"overlays/{environment}/kustomization.yaml")
    env = variables(sidecar()) | variables(patch)

    config = load(env=env).config

    assert config.environment == environment
    assert config.service == pod()["containers"][0]["name"]
    assert (str(config.listen.proxy), str(config.listen.admin)) == (
        "127.0.0.1:8080",
        "0.0.0.0:8081",
    )
    assert (config.secrets.provider, config.secrets.vault.auth.method) == (
        "vault",
        "approle",
    )
    assert config.secrets.vault.path == f"dinie/{environment}"


@pytest.mark.parametrize("environment", OVERLAYS)
def test_files_can_take_the_place_of_vault(environment: str) -> None:
    """The documented alternative must not leave half of a Vault behind."""
    patch = patched("components/file-secrets/kustomization.yaml")
    gone = {entry["name"] for entry in patch["env"] if entry.get("$patch") == "delete"}
    env = variables(sidecar()) | variables(patch) | {"DINIE_ENV": environment}

    config = load(env={k: v for k, v in env.items() if k not in gone}).config

    (mount,) = [m for m in patch["volumeMounts"] if m.get("$patch") != "delete"]
    assert config.secrets.provider == "file"
    assert config.secrets.file.directory == mount["mountPath"]
    assert config.secrets.vault.address is None


def test_the_secret_files_are_where_the_gateway_looks() -> None:
    """A path that no volume fills would keep every pod unready."""
    (volume,) = [v for v in pod()["volumes"] if v["name"] == "gateway-vault"]
    (mount,) = [m for m in sidecar()["volumeMounts"] if m["name"] == "gateway-vault"]

    filled = {
        f"{mount['mountPath']}/{item['path']}"
        for source in volume["projected"]["sources"]
        for part in source.values()
        for item in part["items"]
    }

    named = {v for k, v in variables(sidecar()).items() if k.endswith("_FILE")}
    assert named == filled


def test_the_gateway_is_a_native_sidecar_that_outlives_the_service() -> None:
    """Otherwise the first and the last calls of a pod find nobody there."""
    gateway = sidecar()

    assert gateway["restartPolicy"] == "Always"
    assert gateway["startupProbe"]["httpGet"] == {"path": "/readyz", "port": "admin"}
    assert gateway["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert gateway["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert pod()["terminationGracePeriodSeconds"] == 60


def test_the_pod_has_the_least_privileges() -> None:
    """What a stolen process may do is decided here."""
    spec = pod()

    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["securityContext"]["runAsUser"] == 10001
    for container in (*spec["initContainers"], *spec["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in container["resources"]["limits"]


def test_spilled_uploads_have_a_bounded_place_to_go() -> None:
    """The root file system is read-only, and a node's disk is shared."""
    (mount,) = [m for m in sidecar()["volumeMounts"] if m["mountPath"] == "/tmp"]  # noqa: S108
    (volume,) = [v for v in pod()["volumes"] if v["name"] == mount["name"]]

    assert set(volume["emptyDir"]) == {"sizeLimit"}


def test_the_service_only_needs_another_base_url() -> None:
    """Adopting the gateway is one line, and no credential."""
    (service,) = pod()["containers"]

    assert variables(service) == {"DINIE_BASE_URL": "http://127.0.0.1:8080/v3"}


def test_the_network_policy_selects_the_pod_and_opens_no_proxy() -> None:
    """The proxy has no authentication: nobody else may reach it."""
    policy = read("base/network-policy.yaml")["spec"]
    labels = read("base/deployment.yaml")["spec"]["template"]["metadata"]["labels"]

    ports = [port["port"] for rule in policy["ingress"] for port in rule["ports"]]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert ports == [8081, 8000]
    outward = [port["port"] for rule in policy["egress"] for port in rule["ports"]]
    assert outward == [53, 53, 443, 8200]


def test_the_overlays_differ_only_in_the_name_of_the_environment() -> None:
    """What was tested in the sandbox is what runs in production."""
    texts = {
        (DEPLOY / "overlays" / name / "kustomization.yaml")
        .read_text()
        .replace(name, "ENVIRONMENT")
        for name in OVERLAYS
    }

    assert len(texts) == 1
    for name in OVERLAYS:
        folder = DEPLOY / "overlays" / name
        assert [path.name for path in folder.iterdir()] == ["kustomization.yaml"]
        patch = patched(f"overlays/{name}/kustomization.yaml")
        assert patch == {
            "name": sidecar()["name"],
            "env": [{"name": "DINIE_ENV", "value": name}],
        }


@pytest.mark.parametrize(
    "path", sorted((DEPLOY / "base").glob("[!k]*.yaml")), ids=lambda path: path.name
)
def test_the_base_has_only_what_kubernetes_knows(path: Path) -> None:
    """A misspelt field would be dropped without a word by older clusters."""
    found = documents(path.read_text())

    assert found
    for document in found:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


@needs_kubectl
def test_the_rendered_overlays_are_valid_and_differ_only_by_name() -> None:
    """What is applied, and not what it is made of, has to be right."""
    rendered = {name: render(DEPLOY / "overlays" / name) for name in OVERLAYS}

    for name, text in rendered.items():
        for document in documents(text):
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
            assert document["metadata"]["namespace"] == f"dinie-{name}"
    assert (
        rendered["sandbox"].replace("sandbox", "production") == (rendered["production"])
    )


@needs_kubectl
def test_the_rendered_alternative_has_no_vault_left(tmp_path: Path) -> None:
    """A volume without its Secret would keep the pod from being created."""
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    overlay = tmp_path / "deploy" / "overlays" / "sandbox" / "kustomization.yaml"
    with overlay.open("a") as file:
        file.write("components: [../../components/file-secrets]\n")

    text = render(overlay.parent)

    for document in documents(text):
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
    (deployment,) = [d for d in documents(text) if d["kind"] == "Deployment"]
    assert "vault" not in yaml.safe_dump(deployment)


@pytest.mark.parametrize(
    "document",
    documents((DEPLOY / "components/rotation/cron-job.yaml").read_text()),
    ids=lambda document: document["kind"],
)
def test_the_rotation_job_has_only_what_kubernetes_knows(
    document: dict[str, Any],
) -> None:
    """A misspelt field would be dropped without a word by older clusters."""
    kubernetes_validate.validate(document, KUBERNETES, strict=True)

    assert document["metadata"]["name"] == "dinie-rotation"


@needs_kubectl
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_rotation_job_rotates_the_overlays_environment(
    tmp_path: Path, overlay: str
) -> None:
    """The label that the overlay puts on the pod is what the job reads."""
    where = os.path.relpath(DEPLOY, tmp_path)
    text = (DEPLOY / "overlays" / overlay / "kustomization.yaml").read_text()
    (tmp_path / "kustomization.yaml").write_text(
        text.replace("../../base", f"{where}/base")
        + f"\ncomponents: [{where}/components/rotation]\n"
    )

    rendered = documents(render(tmp_path))

    (job,) = [one for one in rendered if one["kind"] == "CronJob"]
    template = job["spec"]["jobTemplate"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    source = container["env"][0]["valueFrom"]["fieldRef"]["fieldPath"]
    assert source == "metadata.labels['dinie-gateway/environment']"
    assert template["metadata"]["labels"]["dinie-gateway/environment"] == overlay


def test_the_rotation_job_is_configured_with_keys_that_exist() -> None:
    """A fault in the settings would show in ninety days."""
    _, job = documents((DEPLOY / "components/rotation/cron-job.yaml").read_text())
    spec = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    values = {one["name"]: one["value"] for one in container["env"] if "value" in one}

    for environment in OVERLAYS:
        loaded = load(environment=environment, env=values)
        assert loaded.config.secrets.vault.auth.method == "kubernetes"
    assert container["args"] == ["rotate"]
