"""Implements uploads and reviews of KYC documents."""

from typing import Any

from gateway.simulator.response import Refusal, Reply, ok
from gateway.simulator.world import Record, World

# Requirement -> evidence -> its attachments. What comes first is what is meant
# when an upload does not say.
_EVIDENCE: dict[str, dict[str, tuple[str, ...]]] = {
    "identity": {"cnh": ("file", "front", "back"), "rg": ("front", "back")},
    "selfie": {"selfie": ("photo",)},
    "proof_of_address": {"proof_of_address": ("file",)},
    "email": {"email": ("email",)},
    "company_document": {"ccmei": ("file",)},
    "income_statement": {"income_statement": ("file",)},
}
_PERSONAL = frozenset({"identity", "selfie", "proof_of_address", "email"})
_DOCS_TYPES = {
    "cnh": "Carteira Nacional de Habilitação",
    "ccmei": "Certificado MEI",
    "proof_of_address": "Comprovante de endereço",
}
_MAGIC = (b"%PDF-", b"\xff\xd8\xff", b"\x89PNG")


def requirements(world: World, name: str) -> list[Record]:
    """Return what a new customer is asked for."""
    if not world.sdk:
        return [
            {
                "kind": "document",
                "type": kind,
                "description": text,
                "message": None,
                "uploaded_at": None,
            }
            for kind, text in _DOCS_TYPES.items()
        ]
    subject = {
        "id": world.ids.text(8),
        "name": name,
        "subject_type": "applicant",
    }
    wanted = []
    for kind in _EVIDENCE:
        personal = kind in _PERSONAL
        item: Record = {
            "requirement_id": f"{kind}_{subject['id']}" if personal else kind,
            "requirement_type": kind,
            "label": kind.replace("_", " ").title(),
            "mandatory": kind != "income_statement",
        }
        if personal:
            item["subject"] = subject
        wanted.append(item)
    return wanted


def upload(world: World, customer: Record, parts: dict[str, Any]) -> Reply:
    """Take a document, in the profile's own shape.

    Raises:
        Refusal: no file, an unknown kind, or bytes that are no document.
    """
    return (_attachment if world.sdk else _document)(world, customer, parts)


def _document(world: World, customer: Record, parts: dict[str, Any]) -> Reply:
    kind = parts.get("type")
    item = next((item for item in customer["kyc"] if item["type"] == kind), None)
    if item is None:
        raise Refusal(422, "invalid_format", "the type is not asked for", param="type")
    _check_file(parts.get("file"))
    item.update(uploaded_at=world.now(), message=None)
    world.tell("kyc", customer, customer["status"])
    if all(item["uploaded_at"] for item in customer["kyc"]):
        world.walk(customer, until=lambda status: status == "active")
    return ok(
        {
            "id": world.ids.new("doc"),
            "type": kind,
            "status": "submitted",
            "uploaded_at": item["uploaded_at"],
            "created_at": world.now(),
            "updated_at": world.now(),
        },
        201,
    )


def _attachment(world: World, customer: Record, parts: dict[str, Any]) -> Reply:
    wanted = parts.get("requirement_id")
    item = next(
        (item for item in customer["kyc"] if item["requirement_id"] == wanted), None
    )
    if item is None:
        raise _not_asked("requirement_id")
    known = _EVIDENCE[item["requirement_type"]]
    evidence = parts.get("evidence_type") or next(iter(known))
    if evidence not in known:
        raise _not_asked("evidence_type")
    attachment = parts.get("attachment_type") or known[evidence][0]
    if attachment not in known[evidence]:
        raise _not_asked("attachment_type")
    if item["requirement_type"] != "email":
        _check_file(parts.get("file"))
    elif not parts.get("value"):
        raise Refusal(422, "missing_required_field", param="value")
    _submit(item, evidence, attachment)
    world.tell("kyc", customer, customer["status"])
    return ok({"attachment_type": attachment, "submitted": True}, 201)


def _not_asked(param: str) -> Refusal:
    return Refusal(422, "invalid_format", "it is not asked for", param=param)


def _submit(item: Record, evidence: str, attachment: str) -> None:
    """Note one attachment; other evidence for the same replaces what there was."""
    before = item.get("submitted", {})
    sent = {attachment}
    if before.get("evidence_type") == evidence:
        sent |= {one["attachment_type"] for one in _sent(before)}
    item["submitted"] = {
        "evidence_type": evidence,
        "attachments": [
            {"attachment_type": name, "submitted": name in sent}
            for name in _EVIDENCE[item["requirement_type"]][evidence]
        ],
        "review_status": "pending",
        "review_reason": None,
    }


def _sent(submitted: Record) -> list[Record]:
    return [one for one in submitted.get("attachments", ()) if one["submitted"]]


def _complete(item: Record) -> bool:
    """Return whether enough was sent: one whole file, or all the pages."""
    submitted = item.get("submitted", {})
    sent = {one["attachment_type"] for one in _sent(submitted)}
    names = {one["attachment_type"] for one in submitted.get("attachments", ())}
    refused = submitted.get("review_status") == "rejected"
    return bool(sent) and not refused and ("file" in sent or sent >= names - {"file"})


def _check_file(content: bytes | str | None) -> None:
    if not content:
        raise Refusal(400, "missing_file", "the part `file` is missing")
    if not isinstance(content, bytes) or not content.startswith(_MAGIC):
        raise Refusal(422, "invalid_format", "only PDF, JPEG or PNG", param="file")


def review(world: World, customer: Record) -> Reply:
    """Submit the documents.

    Raises:
        Refusal: something is missing. Not the selfie: the customer takes it in
            a session of its own.
    """
    for item in customer["kyc"]:
        kind = item.get("requirement_type")
        if kind == "selfie" and world.options.auto_step:
            _submit(item, "selfie", "photo")
            world.tell("kyc", customer, customer["status"])
        elif kind != "selfie" and _missing(item):
            name = item.get("requirement_id") or item["type"]
            raise Refusal(422, "kyc_incomplete", "is missing", param=name)
    world.walk(customer, until=lambda status: status == "active")
    if customer["status"] == "pending_kyc":
        world.step(customer["id"])
    return Reply(202)


def _missing(item: Record) -> bool:
    if "type" in item:  # [D]
        return not item["uploaded_at"]
    return bool(item["mandatory"]) and not _complete(item)
