"""How a choice reads: what about, how and by whom it was said, and whether that can be shown."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.contacts.choice import IMPORTED, UNPROVEN, Answer, Choice
from portal.contacts.topics import BY_SLUG, CHANNEL_TITLES, title_of
from portal.contacts.undo import UNDO
from portal.core.acting import Kind
from portal.core.web import long_date
from portal.preferences import address_stop, notifications, unsubscribe

WAYS = {
    unsubscribe.ONE_CLICK: _l("with the unsubscribe button of a mail program"),
    unsubscribe.FORM: _l("through the unsubscribe link in a mail"),
    unsubscribe.BARE_POST: _l("through the unsubscribe link in a mail"),
    unsubscribe.CHOICES: _l("through the unsubscribe link in a mail"),
    unsubscribe.STOP_EMAIL: _l("on the page “Stop e-mails”"),
    address_stop.STOP_POST: _l("on the page “Stop post”"),
    notifications.VIA: _l("on the page “E-mail Notifications”"),
    notifications.WITHDRAWN: _l("in the list of your choices"),
    UNDO: _l("by taking back a change"),
    "registration": _l("when the account was opened"),
    "address change": _l("taken along to your new address"),
    "erasure": _l("when your data was deleted"),
    IMPORTED: _l("from the shop's own records"),
    UNPROVEN: _l("from the shop's own records"),
}
PEOPLE = {
    Kind.CUSTOMER: _l("You"),
    Kind.LINK: _l("Someone with the link in your mail"),
    Kind.VISITOR: _l("Someone who was not signed in"),
    Kind.STAFF: _l("Support"),
    Kind.OPERATOR: _l("The shop"),
    Kind.SYSTEM: _l("The shop's system"),
}


def way(choice: Choice) -> str:
    """By which way it was said."""
    return way_of(choice.via)


def way_of(via: str) -> str:
    """A way in words; one of an older portal stays unnamed."""
    return str(WAYS.get(via, _("in another way")))


def who(choice: Choice) -> str:
    """Who said it, without a name."""
    return person(choice.by)


def person(actor: str) -> str:
    """An actor in words, without a name."""
    return str(PEOPLE[Kind(actor.partition(":")[0])])


def about(choice: Choice) -> str:
    """The list and the channel."""
    return _("%(topic)s, %(channel)s", topic=title_of(choice.topic), channel=CHANNEL_TITLES[choice.channel])


def answer(choice: Choice) -> str:
    if choice.answer == Answer.YES:
        return _("Yes")
    return _("Pause until %(day)s", day=long_date(choice.until)) if choice.until else _("No")


def proof(choice: Choice) -> str:
    """Whether we can show when and how it was said."""
    return _("Proven") if choice.is_proven else _("Not proven: it came without the time when it was said")


def wording(choice: Choice) -> str:
    """The words that a yes said yes to, where they are still the words of today."""
    topic = BY_SLUG.get(choice.topic)
    if topic is not None and topic.wording_sha == choice.wording_sha:
        return str(topic.wording)
    return _("Earlier words, of which we keep the fingerprint %(sha)s", sha=choice.wording_sha[:12]) if choice.wording_sha else ""
