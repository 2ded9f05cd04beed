"""Every page of the demo shop, as a visitor and as each demo person, is valid HTML: `python -m tests.html_validity VNU_JAR`."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
from bs4 import BeautifulSoup, Tag

from tests import demo_process

OF_A_KIND = 4
"""Pages looked at whose addresses differ only in a number or a token."""

DOORS = ("/", "/register", "/sign-in", "/forgot-password", "/contact", "/dev/mail", "/no-such-page")
"""Where a visitor's walk begins."""

FEWEST = 15
"""Fewer pages mean that the walk itself is broken."""


class Walk:
    """One person's way through all the pages they can reach by links. Every page seen is written into the folder."""

    def __init__(self, url: str, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.client = httpx.Client(base_url=url, follow_redirects=True, timeout=30)
        self.seen: set[str] = set()
        self.kinds: Counter[str] = Counter()

    def look(self, method: str, path: str, data: dict[str, str] | None = None) -> BeautifulSoup | None:
        """The page at the path, kept in the folder, or None if it is no page."""
        with self.client.stream(method, path, data=data) as answer:
            if not answer.headers.get("content-type", "").startswith("text/html"):
                return None
            text = answer.read().decode()
            assert answer.status_code < 500, f"{method} {path}: {answer.status_code}"
            slug = re.sub(r"[^a-z0-9]+", "-", str(answer.url.path).lower()).strip("-")[:60] or "front"
            number = len(list(self.folder.iterdir()))
            (self.folder / f"{number:04}-{self.name}-{answer.status_code}-{slug}.html").write_text(text, encoding="utf-8")
        return BeautifulSoup(text, "html.parser")

    def sign_in(self, email: str, password: str) -> None:
        """Sign in by password, as a person does."""
        for path, answers in (("/sign-in", {"email": email}), ("/sign-in/password", {"password": password, "email": email})):
            form = next((f for f in forms(self.look("GET", path)) if f.select_one(f"input[name={next(iter(answers))}]")), None)
            assert form, f"{path} does not ask for {next(iter(answers))}."
            self.look("POST", target(path, form), {**hidden(form), **answers})
        assert self.client.get("/me").url.path == "/me", f"{email} cannot sign in with the password that the demo printed."

    def walk(self, *starts: str) -> None:
        """Open every link once, never a button; send each form that wants something empty, to see what it says."""
        ahead = list(starts)
        while ahead:
            path = ahead.pop(0)
            if path in self.seen or self.kinds[kind(path)] >= OF_A_KIND:
                continue
            self.seen.add(path)
            self.kinds[kind(path)] += 1
            page = self.look("GET", path)
            ahead += links(path, page)
            for form in filter(asks, forms(page)):
                self.send_empty(target(path, form), form)

    def send_empty(self, to: str, form: Tag) -> None:
        """Send a form that was not filled in, once for each kind, to see how the page says what is missing."""
        if f"POST {kind(to)}" not in self.seen:
            self.seen.add(f"POST {kind(to)}")
            self.look("POST", to, hidden(form))


def kind(path: str) -> str:
    """The path with numbers and tokens left out."""
    return re.sub(r"[^/=&?]*[0-9][^/=&?]*|[\w.~-]{24,}", "*", path)


def links(path: str, page: BeautifulSoup | None) -> Iterator[str]:
    """Where the page leads to on this site."""
    for anchor in page.select("a[href]:not([download])") if page else ():
        there = urlsplit(urljoin(f"http://here{path}", str(anchor["href"])))
        if there.hostname in {"here", "localhost", "127.0.0.1"} and there.scheme == "http":
            yield there.path + (f"?{there.query}" if there.query else "")


def asks(form: Tag) -> bool:
    """Does the form want something written, so that an empty one is refused and changes nothing?"""
    return form.select_one("input[required]:not([type=checkbox], [type=radio], [type=hidden])") is not None


def forms(page: BeautifulSoup | None) -> list[Tag]:
    """The forms of a page that change something."""
    return page.select("form[method=post]") if page else []


def target(path: str, form: Tag) -> str:
    """Where the form goes."""
    there = urlsplit(urljoin(f"http://here{path}", str(form.get("action") or path)))
    return there.path + (f"?{there.query}" if there.query else "")


def hidden(form: Tag) -> dict[str, str]:
    """What the form sends unseen."""
    return {str(field["name"]): str(field.get("value", "")) for field in form.select("input[type=hidden][name]")}


def collect(folder: Path, shop: Path) -> None:
    """Write every page into the folder: the visitor's, the mails' and each demo person's."""
    with demo_process.running(shop) as demo:
        Walk(demo.url, "visitor", folder).walk(*DOORS)
        for person in (one for one in demo.people if one["password"] != "-"):
            walk = Walk(demo.url, re.sub(r"\W+", "-", person["role"]), folder)
            walk.sign_in(person["email"], person["password"])
            walk.walk("/me")


def main(jar: str) -> int:
    """Collect and validate; the number of pages is printed, the status is the validator's."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "pages"
        folder.mkdir()
        collect(folder, Path(place) / "shop")
        pages = len(list(folder.iterdir()))
        print(f"HTML validity: {pages} pages")  # noqa: T201
        assert pages >= FEWEST, "The walk through the demo shop found too few pages."
        return subprocess.run(["java", "-jar", jar, "--errors-only", "--skip-non-html", str(folder)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
