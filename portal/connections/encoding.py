"""Which letters the bytes of a shop's file stand for: Unicode if it is, and Windows-1252 if nothing else fits."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

CHUNK = 1 << 20
UNIT = {"utf-16-le": 2, "utf-16-be": 2}
MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


@dataclass(frozen=True)
class Encoding:
    """How a file is read. A byte that means nothing becomes a lone surrogate, so that its row can be told from the others."""

    codec: str
    start: int = 0

    @property
    def errors(self) -> str:
        return "surrogatepass" if self.codec in UNIT else "surrogateescape"

    @property
    def is_guess(self) -> bool:
        """Whether nothing in the file says that it is written so."""
        return self.codec == "cp1252"

    def size(self, text: str) -> int:
        """How many bytes the text takes in the file."""
        if text.isascii():
            return len(text) * UNIT.get(self.codec, 1)
        return len(text.encode(self.codec, self.errors))


def detect(path: Path) -> Encoding:
    """UTF-8 with or without a mark, UTF-16 by its mark, else Windows-1252. Reads the whole file once, in flat memory."""
    with path.open("rb") as file:
        head = file.read(3)
    for mark, codec in MARKS.items():
        if head.startswith(mark):
            return Encoding(codec, len(mark))
    return Encoding("utf-8" if _is_utf8(path) else "cp1252")


def _is_utf8(path: Path) -> bool:
    """Whether all bytes are UTF-8. One that ends within a character still is, if it held whole ones before."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    plain = True
    with path.open("rb") as file:
        try:
            while chunk := file.read(CHUNK):
                plain = decoder.decode(chunk).isascii() and plain
        except UnicodeDecodeError:
            return False
    return not (plain and decoder.getstate()[0])
