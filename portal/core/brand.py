"""The shop's four brand settings as CSS, with a link color that stays readable in the dark."""

from __future__ import annotations

from portal.settings import Settings, SettingsRefused

LEAST_CONTRAST = 4.5
DARK_CARD = "#211f1e"
LIGHT_PAGE = "#faf9f7"
STEPS = 50


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colors, 1 to 21 (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in _channels(color))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def readable(color: str, on: str, toward: int) -> str:
    """The color itself, or the nearest mix toward black (0) or white (255) that can be read on the surface."""
    for step in range(STEPS + 1):
        share = step / STEPS
        mixed = "#" + "".join(f"{round(part * (1 - share) + toward * share):02x}" for part in _channels(color))
        if contrast(mixed, on) >= LEAST_CONTRAST:
            return mixed
    return mixed


def refuse_unreadable(own: Settings) -> None:
    """Raise SettingsRefused for brand colors on which people with weak eyes could not read (WCAG 2.2, 1.4.3)."""
    found = contrast(own.brand, own.on_brand)
    if found < LEAST_CONTRAST:
        raise SettingsRefused(f"PORTAL_BRAND and PORTAL_ON_BRAND have a contrast of {found:.1f}; text needs {LEAST_CONTRAST} or more.")


def css(own: Settings) -> str:
    """The style sheet `brand.css`."""
    tokens = f"--brand:{own.brand};--on-brand:{own.on_brand};--radius:{own.radius};--font:{own.font}"
    light, dark = readable(own.brand, LIGHT_PAGE, 0), readable(own.brand, DARK_CARD, 255)
    return f":root{{{tokens};--link:{light}}}@media (prefers-color-scheme:dark){{:root{{--link:{dark}}}}}"
