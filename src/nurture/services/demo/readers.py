"""Who follows the links of the demo's messages: people, and the machines of some companies that read mail before them.

They come in by the same door as any visit, so that the demo shows how both are told apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nurture.db.deliveries import Delivery
from nurture.rendering.ways import key_of
from nurture.services.events.visits import Door, Visitor
from nurture.services.runtime import Runtime
from nurture.services.sending.compose import foreign

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
FILTER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
AT_HOME, AT_THE_FILTER = "198.51.100.7", "203.0.113.25"


@dataclass
class Readers:
    """Follows links of marketing messages, which are tracked, in the name of others."""

    runtime: Runtime
    _door: Door = field(init=False)

    def __post_init__(self) -> None:
        self._door = Door(self.runtime)

    def clicks(self, mail: Delivery) -> None:
        """Somebody follows the first link of their message, if it has one."""
        for link in self._links(mail)[:1]:
            self._visit(link, Visitor(AT_HOME, BROWSER))

    def is_scanned(self, mail: Delivery) -> None:
        """A mail filter follows every link the moment the message comes, the one that nobody sees too."""
        if links := self._links(mail):
            for link in (*links, self.runtime.links.trap(mail.key)):
                self._visit(link, Visitor(AT_THE_FILTER, FILTER))

    def _links(self, mail: Delivery) -> list[str]:
        links = self.runtime.links
        template = self.runtime.published().templates.message(mail.template)
        return [links.click(mail.key, key_of(url)) for url in dict.fromkeys(foreign(template.links, links))]

    def _visit(self, link: str, visitor: Visitor) -> None:
        self._door.note(self._door.link(link.rpartition("/")[2]), visitor)
