"""The privacy policy as its readers see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.app import Portal, create_app
from portal.core import clock, db
from portal.policy import version
from portal.policy.version import Section, read_sections
from tests.browsing import Browser
from tests.conftest import POLICY, make_settings
from tests.dashboard.reading import grade

SECTIONS = read_sections(POLICY.read_text())


def test_the_policy_in_force_stands_with_its_date_and_a_fixed_place_for_each_section(visitor: Browser) -> None:
    page = visitor.get("/privacy-policy")
    assert "Version 1, in force since" in page.words
    assert [str(heading["id"]) for heading in page.soup.select("h2[id]")][1:-1] == [section.anchor for section in SECTIONS]
    assert all(page.soup.select(f"a[href='#{section.anchor}']") for section in SECTIONS)


def test_each_section_is_told_in_short_and_leads_to_the_page_that_keeps_it(browser: Browser) -> None:
    page = browser.get("/privacy-policy")
    for section in SECTIONS:
        assert section.plain_words in page.words
        assert section.paragraphs
        assert section.page
        assert page.soup.select(f"main a[href='{section.page}']")
    for path in {section.page for section in SECTIONS if section.page}:
        browser.get(path)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.anchor)
def test_a_section_of_the_policy_can_be_read_by_everyone(section: Section) -> None:
    assert grade(" ".join((*section.paragraphs, section.plain_words))) <= 8


def test_before_there_is_a_policy_the_page_says_so(place: Path, store_url: str) -> None:
    app = create_app(make_settings(place, store_url))
    assert "No policy published yet" in app.test_client().get("/privacy-policy").get_data(as_text=True)
    app.extensions["engine"].dispose()


def test_a_version_that_is_not_yet_in_force_is_not_shown(house: Portal, visitor: Browser) -> None:
    with db.transaction():
        tomorrow = version.publish("# Later {later}\n\nNot yet.", effective_at=clock.now().replace(year=2099))
        assert tomorrow.number == "2"
    assert "Version 1, in force" in visitor.get("/privacy-policy").words


def test_mail_can_be_stopped_from_the_policy_without_writing_to_us(visitor: Browser) -> None:
    main = visitor.get("/privacy-policy").soup.main
    assert main
    assert main.select("a[href='/stop-email']")
    assert main.select("a[href='/stop-post']")
    assert "NO E-MAIL" not in main.text
