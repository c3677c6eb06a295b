"""A KV v2 engine that answers as a real one was observed to."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web


def errors(status: int, *texts: str, **extra: Any) -> web.Response:
    """Return a refusal in Vault's form; hvac wants its type without a charset."""
    return web.Response(
        body=json.dumps({"errors": list(texts), **extra}).encode(),
        status=status,
        headers={"Content-Type": "application/json"},
    )


def envelope(data: Any = None, auth: Any = None) -> dict[str, Any]:
    """Return what surrounds every answer."""
    return {
        "request_id": "8f2a1c9e-0000-4000-8000-000000000000",
        "lease_id": "",
        "renewable": False,
        "lease_duration": 0,
        "data": data,
        "wrap_info": None,
        "warnings": None,
        "auth": auth,
        "mount_type": "kv",
    }


class KeyValue:
    """Secrets by path, each with its versions."""

    def __init__(self) -> None:
        self.secrets: dict[str, list[dict[str, Any]]] = {}
        self.cas_required = False
        self.clock: Callable[[], float] = time.time  # Unix, s

    def put(self, path: str, data: dict[str, Any]) -> dict[str, Any]:
        """Write a new version; return its metadata."""
        versions = self.secrets.setdefault(path, [])
        number = len(versions) + 1
        written = datetime.fromtimestamp(self.clock(), UTC)
        about = {
            "created_time": f"{written:%Y-%m-%dT%H:%M:%S.%f}789Z",
            "custom_metadata": None,
            "deletion_time": "",
            "destroyed": False,
            "version": number,
        }
        versions.append({"data": dict(data), "metadata": about})
        return about

    def delete_newest(self, path: str) -> None:
        """Delete the newest version, so that it can still be undeleted."""
        about = self.secrets[path][-1]["metadata"]
        about["deletion_time"] = "2026-11-23T11:00:00.1Z"

    def destroy_newest(self, path: str) -> None:
        """Destroy the newest version for good; only its metadata stays."""
        newest = self.secrets[path][-1]
        newest["data"] = None
        newest["metadata"]["destroyed"] = True

    def read(self, path: str) -> web.Response:
        """Answer a read of the newest version."""
        versions = self.secrets.get(path)
        if not versions:
            return errors(404)
        newest = versions[-1]
        about = newest["metadata"]
        if about["deletion_time"] or about["destroyed"]:
            gone = {"data": None, "metadata": about}
            return web.Response(
                body=json.dumps(envelope(gone)).encode(),
                status=404,
                headers={"Content-Type": "application/json"},
            )
        return web.json_response(envelope(newest))

    def metadata(self, path: str) -> web.Response:
        """Answer a read of the metadata."""
        versions = self.secrets.get(path)
        if not versions:
            return errors(404)
        by_number = {str(v["metadata"]["version"]): v["metadata"] for v in versions}
        return web.json_response(
            envelope(
                {
                    "current_version": versions[-1]["metadata"]["version"],
                    "oldest_version": 0,
                    "versions": by_number,
                }
            )
        )

    def write(self, path: str, body: Any) -> web.Response:
        """Answer a write, with or without check-and-set."""
        if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
            return errors(400, "no data provided")
        wanted = (body.get("options") or {}).get("cas")
        if wanted is None and self.cas_required:
            return errors(400, "check-and-set parameter required for this call")
        if wanted is not None and wanted != len(self.secrets.get(path, [])):
            return errors(
                400, "check-and-set parameter did not match the current version"
            )
        return web.json_response(envelope(self.put(path, body["data"])))

    def patch(self, path: str, body: Any) -> web.Response:
        """Answer a merge patch (RFC 7396) of the newest version."""
        if not self.secrets.get(path):
            return errors(404)
        merged = {**self.secrets[path][-1]["data"], **body["data"]}
        kept = {name: value for name, value in merged.items() if value is not None}
        return self.write(path, {**body, "data": kept})
