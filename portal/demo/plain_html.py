"""A letter's HTML without its own looks: its words, lists, tables and links, safe to stand in a page of the portal."""

from __future__ import annotations

from html.parser import HTMLParser

from markupsafe import Markup, escape

BLOCKS = ("p", "h2", "h3", "ul", "ol", "li", "dl", "dt", "dd", "hr", "table", "tbody", "tr", "th", "td")
KEPT = {tag: tag for tag in (*BLOCKS, "a", "strong", "em", "br")} | {"h1": "h2"}
VOID = {"hr", "br"}
UNSEEN = {"title", "style", "script"}
LEADING_SOMEWHERE = ("http://", "https://", "mailto:", "tel:")


def of(html: str) -> Markup:
    """What stands in the body; of all attributes only the address of a link is kept."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return Markup("").join(reader.pieces)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[Markup] = []
        self.unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNSEEN:
            self.unseen += 1
        elif tag == "a":
            self.pieces.append(Markup('<a href="{}">').format(_address(attrs)))
        elif tag in KEPT:
            self.pieces.append(Markup("<{}>").format(KEPT[tag]))

    def handle_endtag(self, tag: str) -> None:
        if tag in UNSEEN:
            self.unseen -= 1
        elif tag in KEPT and tag not in VOID:
            self.pieces.append(Markup("</{}>").format(KEPT[tag]))

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.pieces.append(escape(data))


def _address(attrs: list[tuple[str, str | None]]) -> str:
    target = dict(attrs).get("href") or ""
    return target if target.startswith(LEADING_SOMEWHERE) else "#main"
