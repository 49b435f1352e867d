"""The morning of an officer, as they live it."""

import re
import time
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from unlearning.officers.models import Officer
from unlearning.officers.roles import Role
from unlearning.requests.models import Request

PASSWORD = "correct horse battery"
pytestmark = pytest.mark.usefixtures("house")


def _waiting_request(house, subject: int) -> Request:
    """An erasure that waits for the requester's identity."""
    from unlearning.requests import opening
    from unlearning.requests.submissions import Submission

    submission = Submission("crm", f"letter-{uuid4().hex[:6]}")
    return opening.erase([house.subjects[subject]], submission, identity_verified=False)[0]


def _code(device: TOTPDevice) -> str:
    generator = TOTP(device.bin_key, device.step, device.t0, device.digits, device.drift)
    generator.time = time.time()
    return f"{generator.token():06d}"


def test_from_sign_in_to_a_verified_report(house, visit, tmp_path):
    user = User.objects.create_user("ann", password=PASSWORD)
    Officer.objects.create(user=user, role=Role.OFFICER)
    request = _waiting_request(house, 0)

    page = visit()
    page.goto("/")
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Set up your authenticator").wait_for()
    page.get_by_label("Code").fill(_code(TOTPDevice.objects.get(user=user)))
    page.get_by_role("button", name="Go on").click()
    assert page.locator(".codes li").count() == 8
    page.get_by_role("link", name="I have them").click()

    page.get_by_role("heading", name="Today").wait_for()
    page.get_by_role("link", name=re.compile("wait for an identity")).click()
    page.get_by_role("link", name=request.external_id).click()
    page.get_by_role("link", name="Identity established…").click()
    page.get_by_label("How it was established").fill("signed in to their account")
    page.get_by_role("button", name="Identity established").click()
    page.get_by_text("the rows have left the tables").wait_for()

    seen = _watch(page)
    assert len({phase for phase, _value in seen}) >= 2, seen
    assert len(set(seen)) >= 3, seen

    page.get_by_role("heading", name=re.compile("Conclusion: ")).wait_for()
    report = page.get_by_role("link", name="Signed report, PDF (EN)")
    while not report.count():  # it is written a moment after the end
        page.wait_for_timeout(1000)
        page.reload()
    with page.expect_download() as started:
        report.click()
    started.value.save_as(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")

    page.get_by_role("link", name="Evidence", exact=True).click()
    page.get_by_role("link", name="Check a report").click()
    page.get_by_label(re.compile("Choose a PDF")).set_input_files(tmp_path / "report.pdf")
    page.get_by_role("button", name="Check it").click()
    page.get_by_role("heading", name="The report is sound.").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()


def _watch(page) -> list[tuple[str, str]]:
    """Phase and value of the live bar, again and again without a click, until the request has ended."""
    seen = []
    deadline = time.monotonic() + 180
    while not page.get_by_role("heading", name=re.compile("Conclusion: ")).count():
        assert time.monotonic() < deadline, seen
        bar = page.locator("#progress progress")
        if bar.count():
            found = page.evaluate(
                "() => { const bar = document.querySelector('#progress progress');"
                " return bar && [bar.getAttribute('aria-label'), bar.getAttribute('value')] }"
            )
            if found and tuple(found) not in seen:
                seen.append(tuple(found))
        page.wait_for_timeout(150)
    return seen


def test_a_request_refused_by_two_officers(house, visit):
    request = _waiting_request(house, 1)
    first, second = visit(Role.OFFICER, "ben"), visit(Role.OFFICER, "cleo")
    first.goto(f"/requests/{request.pk}/")
    first.locator("#act-refuse").click()
    first.get_by_label("Legal ground").select_option("legal_claims")
    first.get_by_label("Reason").fill("A suit over these purchases is pending.")
    first.get_by_role("button", name="Refuse").click()
    first.get_by_text("Another officer has to confirm it.").wait_for()
    assert first.locator("#confirm-proposal").count() == 0

    second.goto("/")
    second.get_by_text("ben proposes to refuse it").wait_for()
    second.goto(f"/requests/{request.pk}/")
    second.get_by_text("A suit over these purchases is pending.").first.wait_for()
    second.locator("#confirm-proposal").click()
    second.get_by_role("heading", name="Refused").wait_for()
    second.get_by_text("by ben, cleo").wait_for()
    assert Request.objects.get(pk=request.pk).state == "refused"


def test_a_customer_moves_the_slider_without_javascript_on_a_phone(house, visit):
    officer = visit(Role.OFFICER)
    officer.goto("/subjects/")
    officer.get_by_label("Identity", exact=True).fill(house.subjects[2])
    officer.get_by_role("button", name="Look it up").click()
    officer.get_by_role("button", name="Make a link to their page").click()
    link = officer.locator("code.break").first.inner_text()

    customer = visit(viewport={"width": 360, "height": 780}, java_script_enabled=False)
    customer.goto(link[link.index("/me/") :])
    customer.get_by_label("20 %").check()
    customer.get_by_role("button", name="Save").click()
    customer.get_by_text("Saved.").wait_for()
    assert customer.get_by_label("20 %").is_checked()
    customer.get_by_role("button", name="Stop sharing everything").click()
    assert customer.get_by_label("0 %", exact=True).is_checked()

    officer.reload()
    officer.get_by_text("0 %", exact=True).first.wait_for()
    assert officer.get_by_role("link", name=re.compile("Unsharing page-")).count() == 2


def test_everything_by_keyboard(house, visit):
    request = _waiting_request(house, 3)
    page = visit(Role.OFFICER)
    page.goto(f"/requests/{request.pk}/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "act-hold":
            break
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Put on hold").wait_for()
    page.get_by_label("Reason").focus()
    page.keyboard.type("waiting for the shop")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("The request is on hold.").wait_for()


def test_the_language_is_chosen_and_kept(house, visit):
    page = visit(Role.OFFICER)
    page.goto("/requests/")
    page.get_by_role("button", name="DE").click()
    page.get_by_role("heading", name="Anträge").wait_for()
    assert page.evaluate("document.documentElement.lang") == "de"
    page.goto("/models/")
    assert page.evaluate("document.documentElement.lang") == "de"
    assert re.search(r"0,\d{4}", page.locator("table").inner_text())
