"""Acts in plain words: one sentence for everything that code records about a person."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.contacts import topics
from portal.contacts.choice import Answer
from portal.contacts.topics import Channel
from portal.core.acting import Kind

SENTENCES = {
    "account_locked": _l("The account was locked: nothing can be changed until a new password is set."),
    "account_opened": _l("The account was opened."),
    "account_unlocked": _l("The account was unlocked."),
    "address_added": _l("An address was added: %(address)s."),
    "address_changed": _l("An address was changed: %(address)s."),
    "address_removed": _l("An address was removed: %(address)s."),
    "address_restored": _l("A removed address was put back: %(address)s."),
    "copy_downloaded": _l("A copy of your data was downloaded."),
    "deletion_asked": _l("Deletion of the account was asked for."),
    "deletion_cancelled": _l("The deletion was called off. The account stays."),
    "deletion_done": _l("The deletion was finished."),
    "details_changed": _l("Name, phone or time zone were changed."),
    "device_signed_out": _l("One device was signed out."),
    "email_change_asked": _l("A change of the e-mail address was asked for. It waits for a yes from the new address."),
    "email_change_undone": _l("The change of the e-mail address was undone. It is %(new)s again."),
    "email_changed": _l("The e-mail address was changed from %(old)s to %(new)s."),
    "import_updated": _l("The shop's system (%(system)s) sent newer details about you."),
    "imported": _l("The shop's system (%(system)s) told us what it knows about you."),
    "operator_erasure_reason": _l("The shop asked to delete your data, because: %(reason)s"),
    "operator_exported": _l("The shop took a copy of your data out of the portal, because: %(reason)s"),
    "operator_looked": _l("The shop looked at your data on the server."),
    "order_import_updated": _l("Order %(number)s was brought up to date by the shop's system (%(system)s)."),
    "order_imported": _l("Order %(number)s came in from the shop's system (%(system)s)."),
    "password_changed": _l("The password was changed. All other devices were signed out."),
    "password_set": _l("A password was set."),
    "payment_added": _l("A card was saved: %(card)s."),
    "payment_removal_asked": _l("A card is being removed: %(card)s. We ask the payment company to forget it, too."),
    "payment_removed": _l("A card is removed, here and at the payment company: %(card)s."),
    "person_erased": _l("Your key was destroyed, so your data can no longer be read."),
    "policy_accepted": _l("Version %(number)s of the privacy policy was accepted."),
    "proof_failed": _l("A wrong password was typed where we asked for it again."),
    "saved_removed": _l("All saved addresses and cards were removed."),
    "signed_in": _l("Signed in to the account."),
    "signed_out_everywhere": _l("All other devices were signed out."),
}
PAUSED = "paused"
CHOICES = {
    (Answer.YES, Channel.EMAIL): _l("“%(topic)s” by e-mail was turned on."),
    (Answer.NO, Channel.EMAIL): _l("“%(topic)s” by e-mail was turned off."),
    (Answer.YES, Channel.POST): _l("“%(topic)s” by post was turned on."),
    (Answer.NO, Channel.POST): _l("“%(topic)s” by post was turned off."),
    (Answer.YES, Channel.SMS): _l("“%(topic)s” by text message was turned on."),
    (Answer.NO, Channel.SMS): _l("“%(topic)s” by text message was turned off."),
    (PAUSED, Channel.EMAIL): _l("“%(topic)s” by e-mail was paused."),
    (PAUSED, Channel.POST): _l("“%(topic)s” by post was paused."),
    (PAUSED, Channel.SMS): _l("“%(topic)s” by text message was paused."),
}
ACTORS = {
    Kind.CUSTOMER: _l("With your sign-in"),
    Kind.LINK: _l("Through a link in a mail"),
    Kind.VISITOR: _l("Without a sign-in"),
    Kind.STAFF: _l("By our support"),
    Kind.SYSTEM: _l("By this portal, on its own"),
    Kind.OPERATOR: _l("By the shop"),
}


class _Known(dict[str, Any]):
    """What is known about an act. Details go with the person's key; three dots stand for them then."""

    def __missing__(self, name: str) -> str:
        return "…"


def sentence(act: str, known: dict[str, Any]) -> str:
    """What happened. An act of an older portal that has no sentence any more is named as it was recorded."""
    if act not in SENTENCES:
        return _("Recorded: %(act)s.", act=act.replace("_", " "))
    return str(SENTENCES[act]) % _Known(known)


def choice(topic: str, channel: str, answer: str) -> str:
    """A yes, a no, or a no for some time."""
    return str(CHOICES[answer, Channel(channel)]) % {"topic": topics.title_of(topic)}


def letter(title: str) -> str:
    """A letter that was written."""
    return _("We wrote you a letter: “%(title)s”.", title=title)


def by_whom(actor: str) -> str:
    """Who did it, by kind: names of people who work for the shop are not shown."""
    return str(ACTORS[Kind(actor.partition(":")[0])])
