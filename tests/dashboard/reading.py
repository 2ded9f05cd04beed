"""How many years of school a text asks for (Flesch and Kincaid, 1975)."""

from __future__ import annotations

import re

WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")  # noqa: RUF001 - people write both apostrophes
VOWELS = re.compile(r"[aeiouy]+")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")
SENTENCE_END = re.compile(r"[.!?]+(?:\s|$|”)")


def syllables(word: str) -> int:
    """As many as are heard, give or take: groups of vowels without the silent ends."""
    plain = re.sub(r"[^a-z]", "", word.lower())
    spoken = re.sub(r"(?<=[^aeiouyl])e$|(?<=[^aeiouytd])ed$|(?<=[^aeiouyscxzgh])es$", "", plain)
    return max(1, len(VOWELS.findall(spoken)))


def grade(text: str) -> float:
    """The grade: 0.39 words a sentence + 11.8 syllables a word - 15.59."""
    plain = PLACEHOLDER.sub("it", text)
    words = WORD.findall(plain)
    sentences = max(1, len(SENTENCE_END.findall(plain)))
    return 0.39 * len(words) / sentences + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
