"""Name, phone and time zone: what a customer may change about themselves in one form."""

from __future__ import annotations

from portal import settings
from portal.access import notice
from portal.core import audit, phones
from portal.customers.customer import Customer


def change(person: Customer, name: str, phone: str, time_zone: str) -> str | None:
    """Save the details, and tell the person if one was changed. A sentence when the phone number looks odd; it is saved all the same."""
    country = settings.current().shop_country
    said = {"name": name, "phone": phone, "time_zone": time_zone}
    changed = [field for field, value in said.items() if getattr(person, field) != value]
    if not changed:
        return None
    person.name, person.time_zone = name, time_zone
    person.set_phone(phone, country)
    audit.record("details_changed", person.id, fields=changed)
    notice.tell(person.id, "details_changed", {"fields": changed})
    return phones.check(phone, country) if "phone" in changed else None
