"""Documents at the simulated Dinie, in both generations."""

import pytest

from tests.simulator.partner import PDF, dinie


async def test_the_last_document_makes_a_customer_active_with_an_offer() -> None:
    """The documented life cycle, by itself."""
    async with dinie() as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}"
        for item in customer["kyc"]:
            kind = item["type"]
            sent = await partner.upload(f"{path}/documents", type=kind, file=PDF)
            assert sent.json["status"] == "submitted"
        after = (await partner.call("GET", path)).json
        offers = (await partner.call("GET", f"{path}/credit-offers")).json["data"]

    assert (customer["status"], after["status"]) == ("pending_kyc", "active")
    assert offers[0]["approved_amount"] == "50000.00"
    assert offers[0]["valid_until"] == "2026-10-21T14:13:20Z"


async def test_without_automatic_steps_a_customer_waits() -> None:
    """Each status can be looked at."""
    async with dinie(profile="sdk", auto_step=False) as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}"
        reviewed = await partner.call("POST", f"{path}/kyc-review")
        before = (await partner.call("GET", path)).json["status"]
        steps = [partner.simulator.step(customer["id"])["status"] for _ in range(3)]

    assert (reviewed.status, before) == (202, "creating")
    assert steps == ["pending_kyc", "under_review", "active"]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        pytest.param(None, (400, "missing_file"), id="no-file"),
        pytest.param(b"", (400, "missing_file"), id="empty"),
        pytest.param(b"MZ\x90 a program", (422, "invalid_format"), id="no-document"),
        pytest.param(b"\xff\xd8\xff jpeg", None, id="jpeg"),
        pytest.param(b"\x89PNG\r\n", None, id="png"),
    ],
)
async def test_a_file_must_be_a_document(
    file: bytes | None, code: tuple[int, str] | None
) -> None:
    """A gateway that harms a part is found out."""
    async with dinie() as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}/documents"
        parts = {"type": "cnh"} if file is None else {"type": "cnh", "file": file}
        reply = await partner.upload(path, **parts)

    if code is None:
        assert reply.status == 201
    else:
        assert reply.code == code


@pytest.mark.parametrize(
    ("profile", "below", "part"),
    [("docs", "documents", "type"), ("sdk", "kyc-attachments", "requirement_id")],
)
async def test_a_document_that_is_not_asked_for_is_refused(
    profile: str, below: str, part: str
) -> None:
    """The list of the customer counts."""
    async with dinie(profile=profile) as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}/{below}"
        reply = await partner.upload(path, file=PDF, **{part: "passport"})

    assert reply.code == (422, "invalid_format")
    assert reply.json["errors"][0]["param"] == part


async def test_an_upload_must_be_multipart() -> None:
    """Both words of the contract hold."""
    async with dinie() as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}/documents"
        reply = await partner.call("POST", path, {"type": "cnh"})

    assert reply.code == (400, "invalid_content_type")


async def test_a_selfie_needs_the_customer_s_own_session() -> None:
    """A partner's token is refused, the customer's is good."""
    async with dinie(profile="sdk") as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}"
        item = next(i for i in customer["kyc"] if i["requirement_type"] == "selfie")[
            "requirement_id"
        ]
        selfie = f"{path}/kyc-attachments/selfie"
        refused = await partner.upload(selfie, requirement_id=item, file=PDF)
        session = (await partner.call("POST", f"{path}/biometrics", {})).json
        code = {"code": session["session_url"].rpartition("/")[2]}
        token = await partner.call("POST", "/biometrics/session-exchange", code)
        own = token.json["access_token"]
        taken = await partner.upload(selfie, token=own, requirement_id=item, file=PDF)

    assert refused.code == (403, "forbidden")
    assert taken.json == {"attachment_type": "photo", "submitted": True}


async def test_an_email_is_a_value_and_no_file() -> None:
    """The Python SDK sends it as a form."""
    async with dinie(profile="sdk") as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}/kyc-attachments"
        kinds = {i["requirement_type"]: i["requirement_id"] for i in customer["kyc"]}
        form = {"requirement_id": kinds["email"]}
        missing = await partner.call("POST", path, data=form)
        given = await partner.call("POST", path, data={**form, "value": "a@b.co"})

    assert missing.code == (422, "missing_required_field")
    assert given.status == 201
