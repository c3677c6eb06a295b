"""Which documents does the simulated Dinie want, and what came?"""

from typing import Any

from gateway.simulator.answer import Answer, Refusal, ok
from gateway.simulator.world import Record, World

_KINDS = {
    "identity": ("cnh", "file", True),
    "selfie": ("selfie", "photo", True),
    "proof_of_address": ("proof_of_address", "file", True),
    "email": ("email", "email", True),
    "company_document": ("ccmei", "file", False),
    "income_statement": ("income_statement", "file", False),
}
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
    for kind, (_, _, personal) in _KINDS.items():
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


def upload(world: World, customer: Record, parts: dict[str, Any]) -> Answer:
    """Take a document, in the profile's own shape.

    Raises:
        Refusal: no file, an unknown kind, or bytes that are no document.
    """
    return (_attachment if world.sdk else _document)(world, customer, parts)


def _document(world: World, customer: Record, parts: dict[str, Any]) -> Answer:
    kind = parts.get("type")
    item = next((item for item in customer["kyc"] if item["type"] == kind), None)
    if item is None:
        raise Refusal(422, "invalid_format", "the type is not asked for", param="type")
    _check_file(parts.get("file"))
    item["uploaded_at"] = world.now()
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


def _attachment(_world: World, customer: Record, parts: dict[str, Any]) -> Answer:
    wanted = parts.get("requirement_id")
    item = next(
        (item for item in customer["kyc"] if item["requirement_id"] == wanted), None
    )
    if item is None:
        raise Refusal(
            422, "invalid_format", "the requirement is unknown", param="requirement_id"
        )
    evidence, attachment, _ = _KINDS[item["requirement_type"]]
    if item["requirement_type"] == "email":
        if not parts.get("value"):
            raise Refusal(422, "missing_required_field", param="value")
    else:
        _check_file(parts.get("file"))
    name = parts.get("attachment_type") or attachment
    item["submitted"] = {
        "evidence_type": parts.get("evidence_type") or evidence,
        "attachments": [{"attachment_type": name, "submitted": True}],
        "review_status": "pending",
        "review_reason": None,
    }
    return ok({"attachment_type": name, "submitted": True}, 201)


def _check_file(content: bytes | None) -> None:
    if not content:
        raise Refusal(400, "missing_file", "the part `file` is missing")
    if not content.startswith(_MAGIC):
        raise Refusal(422, "invalid_format", "only PDF, JPEG or PNG", param="file")


def review(world: World, customer: Record) -> Answer:
    """Submit the documents."""
    for item in customer["kyc"]:
        if "submitted" in item:
            item["submitted"]["review_status"] = (
                "accepted" if world.options.auto_step else "pending"
            )
    world.walk(customer, until=lambda status: status == "active")
    return Answer(202)
