"""Documents at the simulated Dinie, in both generations."""

from typing import Any

import pytest

from tests.simulator.partner import PDF, Partner, dinie


async def send_all(partner: Partner, customer: Any, but: str = "selfie") -> None:
    """Upload all that is asked for, but the selfie and one thing more."""
    path = f"/customers/{customer['id']}"
    for item in customer["kyc"]:
        kind = item.get("requirement_type")
        if kind in {"selfie", but}:
            continue
        if kind is None:
            parts = {"type": item["type"], "file": PDF}
            reply = await partner.upload(f"{path}/documents", **parts)
        else:
            given = {"value": "a@b.co"} if kind == "email" else {"file": PDF}
            parts = {"requirement_id": item["requirement_id"], **given}
            reply = await partner.upload(f"{path}/kyc-attachments", **parts)
        assert reply.status == 201, reply


def reviews(customer: Any) -> set[str]:
    """Return how what was sent in was judged."""
    return {
        i["submitted"]["review_status"] for i in customer["kyc"] if "submitted" in i
    }


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
        before = (await partner.call("GET", path)).json["status"]
        ready = partner.simulator.step(customer["id"])["status"]
        await send_all(partner, customer)
        reviewed = await partner.call("POST", f"{path}/kyc-review")
        during = (await partner.call("GET", path)).json
        offers = (await partner.call("GET", f"{path}/credit-offers")).json["data"]
        after = partner.simulator.step(customer["id"])

    assert (before, ready, reviewed.status) == ("creating", "pending_kyc", 202)
    assert (during["status"], offers) == ("under_review", [])
    assert reviews(during) == {"pending"}
    assert after["status"] == "active"
    assert reviews(after) == {"accepted"}
    assert partner.simulator.count("offers") == 1


async def test_a_review_needs_all_documents() -> None:
    """What is missing is told by name; then it goes on."""
    async with dinie(profile="sdk") as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}"
        refused = await partner.call("POST", f"{path}/kyc-review")
        await send_all(partner, customer)
        taken = await partner.call("POST", f"{path}/kyc-review")
        after = (await partner.call("GET", path)).json

    assert refused.code == (422, "kyc_incomplete")
    assert refused.json["errors"][0]["param"].startswith("identity_")
    assert (taken.status, after["status"]) == (202, "active")
    assert reviews(after) == {"accepted"}


@pytest.mark.parametrize(
    ("pages", "status"),
    [
        pytest.param([("cnh", "front")], 422, id="half-a-cnh"),
        pytest.param([("cnh", "front"), ("cnh", "back")], 202, id="both-sides"),
        pytest.param([("cnh", "file")], 202, id="one-file"),
        pytest.param([("cnh", "front"), ("rg", "back")], 422, id="half-of-each"),
        pytest.param([("rg", "front"), ("rg", "back")], 202, id="rg"),
    ],
)
async def test_an_identity_is_one_file_or_all_its_pages(
    pages: list[tuple[str, str]], status: int
) -> None:
    """The front of one document proves nothing with the back of another."""
    async with dinie(profile="sdk") as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}"
        await send_all(partner, customer, but="identity")
        for evidence, attachment in pages:
            await partner.upload(
                f"{path}/kyc-attachments",
                requirement_id=customer["kyc"][0]["requirement_id"],
                evidence_type=evidence,
                attachment_type=attachment,
                file=PDF,
            )
        reviewed = await partner.call("POST", f"{path}/kyc-review")

    assert reviewed.status == status


@pytest.mark.parametrize(
    ("profile", "field"), [("docs", "message"), ("sdk", "review_reason")]
)
async def test_refused_documents_are_asked_for_again(profile: str, field: str) -> None:
    """Services must show why, and take another picture."""
    async with dinie(profile=profile, auto_step=False) as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}"
        partner.simulator.step(customer["id"], "pending_kyc")
        await send_all(partner, customer)
        partner.simulator.step(customer["id"], "under_review")
        refusal = {"id": customer["id"], "to": "pending_kyc"}
        await partner.call("POST", "/_sim/step", refusal)
        refused = (await partner.call("GET", path)).json
        unready = await partner.call("POST", f"{path}/kyc-review")
        await send_all(partner, customer)
        ready = await partner.call("POST", f"{path}/kyc-review")

    item = refused["kyc"][0]
    assert item[field] if profile == "docs" else item["submitted"][field]
    assert unready.code == (422, "kyc_incomplete")
    assert ready.status == 202


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


@pytest.mark.parametrize(
    ("given", "param"),
    [
        pytest.param({"evidence_type": "passport"}, "evidence_type", id="evidence"),
        pytest.param(
            {"evidence_type": "rg", "attachment_type": "file"},
            "attachment_type",
            id="attachment",
        ),
    ],
)
async def test_an_attachment_must_fit_its_evidence(
    given: dict[str, str], param: str
) -> None:
    """There is no single file of an RG."""
    async with dinie(profile="sdk") as partner:
        customer = await partner.customer()
        item = customer["kyc"][0]["requirement_id"]
        path = f"/customers/{customer['id']}/kyc-attachments"
        reply = await partner.upload(path, requirement_id=item, file=PDF, **given)

    assert reply.code == (422, "invalid_format")
    assert reply.json["errors"][0]["param"] == param


async def test_a_form_that_is_no_text_is_a_400() -> None:
    """As little a server fault as any other slip."""
    async with dinie(profile="sdk") as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}/kyc-attachments"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        reply = await partner.call("POST", path, data=b"value=\xff", headers=headers)

    assert reply.code == (400, "malformed_body")


async def test_an_upload_of_the_largest_size_arrives_whole() -> None:
    """Phones take large pictures."""
    async with dinie() as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}/documents"
        file = PDF + b"\r\n--\x00\xff" * (25 * 1024 * 1024 // 6)
        taken = await partner.upload(path, type="cnh", file=file)
        refused = await partner.upload(path, type="cnh", file=file + bytes(1 << 20))

    assert taken.status == 201
    assert refused.code == (413, "payload_too_large")
