"""What mails to learners say, and that nothing in strangers' words is obeyed or passes for ours."""

from pydantic import SecretStr

from tests.integration.notifier.builders import EMAIL, OWNER_TOKEN, Badge, institution
from tests.integration.notifier.conftest import PLACES, PUBLIC_URL, Notifier
from tests.integration.notifier.mailing import Seen, mailed, parts
from tests.support.mailbox import taking_mail
from tests.support.poll import eventually
from tests.support.records import delivery

ATTACK = '<script src="https://evil.example/x.js"></script><img src="https://evil.example/pixel">'


async def test_the_mail_says_what_was_earned_from_whom_and_what_can_be_done_with_it(notifier: Notifier) -> None:
    badge = Badge(criteria={"narrative": "# Exam\n\nLeft **one** [house](https://houses.example/).\n\n* alone"})
    await notifier.keep(delivery(institution(badge.institution_id, "North Academy")))
    await notifier.feed(badge.issued(), badge.recorded())
    async with taking_mail() as box:
        [mail] = await mailed(notifier, box)
    text, html, _ = parts(mail)
    public = f"{PUBLIC_URL}/credentials/{badge.id}"
    for shown in (text, Seen(html).text):
        words = " ".join(shown.split())
        for said in (
            "Hello Ada Lovelace,",
            "Fire safety",
            "Knows how to leave a burning house.",
            "Exam; Left one house. alone",
            "Grade: A",
            "1 January 2028",
            "North Academy",
            "https://north.example",
            badge.document["issuer"]["id"],
            f"up to the question mark: {public} Your name is not shown there unless you allow it",
            "LinkedIn, a QR code and buttons to copy",
            "An employer can check the attached file at https://check.example/",
            "The address alone can be checked there once you show the badge to everybody on your private page.",
            "Write to North Academy (https://north.example) and ask that this badge and your address be erased.",
            "If this mail was not meant for you, please tell them so.",
            "Lost the link?",
        ):
            assert said in words
    assert f'href="{public}"' in html
    assert PLACES.my_links in text
    assert f'href="{PLACES.my_links}"' in html


async def test_without_a_verify_page_and_a_page_for_links_the_mail_leaves_them_out(notifier: Notifier) -> None:
    badge = Badge(learner=None)
    await notifier.feed(badge.issued(), badge.recorded())
    async with taking_mail() as box, notifier.serving("worker", smtp_url=SecretStr(f"smtp://127.0.0.1:{box.port}")):
        await eventually(lambda: box.mails)
    for part in parts(box.mails[0])[:2]:
        assert "Hello," in part
        assert "employer can check" not in part
        assert "Lost the link" not in part


async def test_an_institution_without_a_web_address_is_named_without_a_did_to_write_to(
    notifier: Notifier,
) -> None:
    badge = Badge()
    await notifier.keep(delivery(institution(badge.institution_id, "North Academy", url=None)))
    await notifier.feed(badge.issued(), badge.revoked(), badge.recorded(), badge.recorded_revocation())
    async with taking_mail() as box:
        issued, revoked = await mailed(notifier, box)
    for mail, said in ((issued, "Write to North Academy and ask that"), (revoked, "please tell North Academy.")):
        for words in (" ".join(each.split()) for each in (parts(mail)[0], Seen(parts(mail)[1]).text)):
            assert said in words
            assert "(did:key" not in words


async def test_the_places_of_mails_are_settings(notifier: Notifier) -> None:
    badge = Badge()
    await notifier.feed(badge.issued(), badge.recorded())
    async with taking_mail() as box:
        smtp = SecretStr(f"smtp://127.0.0.1:{box.port}")
        places = {"verifier_url": "https://v.example/", "notifier_url": "https://n.example"}
        async with notifier.serving("worker", smtp_url=smtp, **places):
            await eventually(lambda: box.mails)
    for part in parts(box.mails[0])[:2]:
        assert "https://v.example/" in part
        assert "https://n.example/my-links" in part


async def test_a_mail_fetches_nothing_and_says_its_language(notifier: Notifier) -> None:
    badge = Badge(description="See ![me](https://evil.example/pixel)")
    await notifier.feed(badge.issued(), badge.revoked(), badge.recorded(), badge.recorded_revocation())
    async with taking_mail() as box:
        for mail in await mailed(notifier, box):
            _, html, _ = parts(mail)
            assert '<html lang="en"' in html
            assert "prefers-color-scheme: dark" in html
            assert not Seen(html).tags & {"img", "script", "link", "iframe", "video", "form"}
            assert "url(" not in html
            assert "@import" not in html


async def test_a_revocation_mail_says_why_and_whom_to_ask(notifier: Notifier) -> None:
    badge = Badge()
    await notifier.keep(delivery(institution(badge.institution_id, "North Academy")))
    await notifier.feed(badge.issued(), badge.revoked(note="Wrong person."), badge.recorded_revocation())
    async with taking_mail() as box:
        [mail] = await mailed(notifier, box)
    text, html, _ = parts(mail)
    assert "revoked" in mail["Subject"]
    for shown in (text, Seen(html).text):
        words = " ".join(shown.split())
        assert "Hello Ada Lovelace," in words
        assert "Why: The institution has withdrawn it. In the institution's own words: Wrong person." in words
        assert "From now on whoever checks it is told that it was revoked" in words
        assert "The institution decided this and can tell you more" in words
        assert "North Academy" in words
        assert "https://north.example" in words
        assert f"{PUBLIC_URL}/credentials/{badge.id}?owner={OWNER_TOKEN}" in words


async def test_html_in_names_is_shown_and_not_obeyed(notifier: Notifier) -> None:
    badge = Badge(name=ATTACK, description=ATTACK, criteria={"narrative": ATTACK}, learner=ATTACK)
    await notifier.keep(delivery(institution(badge.institution_id, ATTACK)))
    await notifier.feed(badge.issued(), badge.revoked(note=ATTACK), badge.recorded(), badge.recorded_revocation())
    async with taking_mail() as box:
        mails = await mailed(notifier, box)
    assert len(mails) == 2
    for mail in mails:
        text, html, _ = parts(mail)
        seen = Seen(html)
        assert not seen.tags & {"script", "img", "iframe", "link", "object"}
        assert not seen.attributes & {"src", "srcset", "background", "onload", "onerror"}
        # Badge, description, criteria and learner, or badge, note and learner; the institution beside.
        assert seen.text.count(ATTACK) >= 4
        assert text.count(ATTACK) >= 4


async def test_hidden_and_turning_characters_are_named_and_do_not_turn_our_lines(notifier: Notifier) -> None:
    tricky = "gnidleW\u202e \u200bשלום"
    badge = Badge(name=tricky, description=tricky, criteria={"narrative": tricky}, learner=tricky)
    await notifier.keep(delivery(institution(badge.institution_id, tricky)))
    await notifier.feed(badge.issued(), badge.revoked(note=tricky), badge.recorded(), badge.recorded_revocation())
    async with taking_mail() as box:
        mails = await mailed(notifier, box)
    assert len(mails) == 2
    for mail in mails:
        text, html, _ = parts(mail)
        assert "\u202e" not in text + html + mail["Subject"] + mail["From"]
        assert text.count("(holds characters that are not seen)") >= 3
        assert html.count("(holds characters that are not seen)") >= 2
        for line in text.splitlines():
            assert line.count("\u2068") == line.count("\u2069") == line.count("שלום")
        foreign = html.split("שלום")[:-1]
        assert all(each.rpartition("<bdi>")[2].count("</bdi>") == 0 for each in foreign[1:])  # [0]: <title>


async def test_line_breaks_in_names_add_no_header_and_no_line(notifier: Notifier) -> None:
    badge = Badge(name="W =?utf-8?q?=0D=0ABcc:_eve@evil.example?=\r\nBcc: eve@evil.example\r\n\r\nHello")
    name = 'North"\r\nBcc: mallory@evil.example\n\nAcademy\u202e\x1b[31m'
    await notifier.keep(delivery(institution(badge.institution_id, name)))
    await notifier.feed(badge.issued(), badge.recorded())
    async with taking_mail() as box:
        [mail] = await mailed(notifier, box)
    assert "Bcc" not in mail
    assert mail["X-Envelope-To"] == EMAIL
    assert mail["Subject"].startswith('North" Bcc: mallory@evil.example Academy [31m has awarded you')
    assert mail["From"].addresses[0].addr_spec == "badges@laurel.example"
    assert len(mail["From"].addresses) == 1
    text, _, _ = parts(mail)
    assert not any(line.startswith("Bcc:") for line in text.splitlines())
