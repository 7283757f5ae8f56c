"""Will our mail arrive? Everything that receivers look at, sender by sender, and what to do where something is missing.

It changes nothing, and sends one message: to the sender itself, if asked to. What cannot be reached is said to be so, and
is no fault of the project.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from nurture.channels.base import Accepted, Deferred, Message, Outcome, RefusedUs, Unknown, allows
from nurture.channels.dns import Dns, FailedNameError, UnreachableError
from nurture.channels.smtp_offers import Offers, ask_offers
from nurture.model.addresses import Mailbox, parse_mailbox
from nurture.model.errors import NotFoundError
from nurture.model.workspace import Sender, Workspace
from nurture.rendering.dkim import MAKE_ONE, DkimError, Signer
from nurture.rendering.links import message_id
from nurture.rendering.mime import Mail, build_message, unsubscribe_headers
from nurture.rendering.sources import TemplateProblems
from nurture.rendering.templates import Library, is_sent
from nurture.services.published import Published
from nurture.services.runtime import Runtime
from nurture.services.sending.notices import is_held
from nurture.services.sending.senders import sender_of

OWNER = "owner"
ONE_CLICK = ("list-unsubscribe", "list-unsubscribe-post")
MOST_LOOKUPS = 10
"""Questions that a receiver asks for one SPF record at most (RFC 7208, 4.6.4)."""
_LOOKUP = re.compile(
    r"(?:^|\s)[+~?-]?(?:include:|a(?=[\s:/]|$)|mx(?=[\s:/]|$)|ptr|exists:|redirect=)", re.IGNORECASE
)
_KEY = re.compile(r"(?:^|;)\s*p\s*=\s*([^;]*)")


class Mark(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "not-reachable"
    """Nobody could be asked, or nobody was: it says nothing about us."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that receivers look at. ``sender`` is empty where it holds for all of them."""

    code: str
    mark: Mark
    said: str
    remedy: str = ""
    sender: str = ""


@dataclass
class Preflight:
    """``way_out`` is NURTURE_SMTP_URL. While mail is caught, nothing leaves, and nothing that is missing is a fault yet."""

    runtime: Runtime
    way_out: str
    dns: Dns
    send: bool = True

    def look(self) -> list[Checked]:
        """Every check of the published workspace, in the order in which one sets them up."""
        with self.runtime.database.read() as tx:
            published = self.runtime.shelf.published(tx)
            held = is_held(tx, self.runtime)
        workspace = published.workspace
        found = [*self._of_all(workspace), *_owners(published)]
        for sender in workspace.senders.values():
            found += self._of_sender(sender)
            if self.send:
                found.append(self._itself(sender, held=held))
        return found

    @property
    def catches(self) -> bool:
        return self.way_out.startswith("catch")

    def _bad(self, code: str, said: str, remedy: str, sender: Sender | None = None) -> Checked:
        mark = Mark.WARNING if self.catches else Mark.PROBLEM
        return Checked(code, mark, said, remedy, sender.name if sender else "")

    def _unanswered(self, code: str, error: UnreachableError) -> Checked:
        said, remedy = "the DNS could not be asked", "ask again where there is a network"
        if isinstance(error, FailedNameError):
            said = f"the name servers of {error.name} give no answer"
            remedy = "ask again later; if it stays so, tell whoever runs the DNS of that name"
        return Checked(code, Mark.UNKNOWN, f"not reachable: {said}", remedy)

    # --- what holds for all -------------------------------------------------------------------------------------

    def _of_all(self, workspace: Workspace) -> Iterator[Checked]:
        if workspace.senders:
            yield Checked("senders", Mark.OK, f"{len(workspace.senders)} in nurture.toml")
        else:
            yield self._bad(
                "senders", "there is no sender", "add [senders.default] with from = … to nurture.toml"
            )
        if workspace.postal_address.strip():
            yield Checked("postal-address", Mark.OK, workspace.postal_address)
        else:
            remedy = "write postal_address below [workspace] in nurture.toml"
            yield self._bad("postal-address", "marketing mail must carry a postal address", remedy)
        yield self._links()
        yield from self._server()

    def _links(self) -> Checked:
        base = self.runtime.links.base_url
        parts = urlsplit(base)
        if parts.scheme == "https" and not _is_here(parts.hostname or ""):
            return Checked("links", Mark.OK, f"lead to {base}")
        remedy = "set NURTURE_BASE_URL to the https address where your pages can be reached from outside"
        return self._bad("links", f"lead to {base}, which nobody outside can open safely", remedy)

    def _server(self) -> Iterator[Checked]:
        if self.catches:
            remedy = "set NURTURE_SMTP_URL when you want to send"
            yield Checked("way-out", Mark.WARNING, "mail is caught: nothing leaves this machine", remedy)
            return
        parts = urlsplit(self.way_out)
        host = parts.hostname or ""
        yield Checked("way-out", Mark.OK, f"mail leaves through {host}")
        yield self._encrypted(host)
        if parts.scheme.startswith("smtp"):
            yield self._named(host)

    def _encrypted(self, host: str) -> Checked:
        offers = ask_offers(self.way_out)
        match offers:
            case Offers.ENCRYPTED:
                return Checked("tls", Mark.OK, "the way there is encrypted")
            case Offers.UNUSED_TLS:
                remedy = "add ?starttls=1 to NURTURE_SMTP_URL"
                return self._bad("tls", f"{host} offers encryption that is not asked for", remedy)
            case Offers.PLAIN if _is_here(host):
                return Checked("tls", Mark.OK, "the mail server is on this machine")
            case Offers.PLAIN:
                remedy = "use a mail server that does, with ?starttls=1 or smtps://"
                return self._bad("tls", f"{host} offers no encryption", remedy)
        remedy = "see that NURTURE_SMTP_URL names it, that it runs, and that this machine may speak to it"
        return Checked("tls", Mark.UNKNOWN, f"not reachable: {host} does not open a conversation", remedy)

    def _named(self, host: str) -> Checked:
        """Do the addresses of the mail server have names (PTR) that lead back to them?"""
        if _is_here(host):
            said = "the mail server is on this machine: the address that counts is the one it sends from"
            return Checked(
                "ptr", Mark.UNKNOWN, said, "see that the outgoing address has a name (PTR) that leads back"
            )
        try:
            addresses = [host] if _is_address(host) else self.dns.addresses(host)
            nameless = [one for one in addresses if not self._leads_back(one)]
        except UnreachableError as error:
            return self._unanswered("ptr", error)
        if not addresses:
            return self._bad("ptr", f"{host} has no address", "mend the host in NURTURE_SMTP_URL")
        if nameless:
            # A provider may send from other addresses than the one it takes mail at.
            remedy = "ask whoever runs the server to give the address it sends from a name (PTR) that leads back to it"
            return Checked("ptr", Mark.WARNING, f"no name leads back to {', '.join(nameless[:3])}", remedy)
        return Checked("ptr", Mark.OK, f"{host} has a name that leads back")

    def _leads_back(self, address: str) -> bool:
        return any(address in self.dns.addresses(name) for name in self.dns.names_of(address))

    # --- each sender --------------------------------------------------------------------------------------------

    def _of_sender(self, sender: Sender) -> Iterator[Checked]:
        domain = parse_mailbox(sender.address).domain
        try:
            signer = self.runtime.keys.signer(sender)
        except DkimError as error:
            yield self._bad("dkim-key", error.message, error.hint or MAKE_ONE, sender)
            signer = None
        else:
            yield self._key(sender, signer)
        yield self._one_click(sender, signer)
        if signer:
            yield self._asked("dkim-record", sender, lambda: self._record(sender, signer))
        yield self._asked("spf", sender, lambda: self._spf(sender, sender.return_path_domain or domain))
        yield self._asked("dmarc", sender, lambda: self._dmarc(sender, domain))
        if sender.return_path_domain is None:
            remedy = "set return_path_domain to a domain whose mail you read, such as bounces.example.org"
            said = "bounces go to the address in From, and are not known by where they come"
            yield Checked("return-path", Mark.WARNING, said, remedy, sender.name)
        else:
            path = sender.return_path_domain
            yield self._asked("return-path", sender, lambda: self._bounces(sender, path))

    def _asked(self, code: str, sender: Sender, ask: Callable[[], Checked]) -> Checked:
        try:
            return ask()
        except UnreachableError as error:
            return replace(self._unanswered(code, error), sender=sender.name)

    def _key(self, sender: Sender, signer: Signer | None) -> Checked:
        if signer is None:
            remedy = "make a key with `nurture dkim new SELECTOR`, or see that your mail server signs and covers one-click"
            return self._bad("dkim-key", "mail is not signed by us", remedy, sender)
        said = f"signs as {signer.domain} with {signer.key.kind}, selector {signer.selector}"
        return Checked("dkim-key", Mark.OK, said, sender=sender.name)

    def _one_click(self, sender: Sender, signer: Signer | None) -> Checked:
        """Are both headers there, and in what is signed (RFC 8058, 4)?"""
        link = self.runtime.links.unsubscribe("preflight")
        if signer is None:
            said = "marketing mail has one-click unsubscribe, but nothing signs it"
            return self._bad(
                "one-click", said, "sign it: receivers want both headers under a signature", sender
            )
        (_, signature), *_ = signer(unsubscribe_headers(link), b"\r\n")
        names = re.sub(r"\s", "", signature).partition(";h=")[2].partition(";")[0].split(":")
        if not link.startswith("https:"):
            remedy = "set NURTURE_BASE_URL to an https address"
            return self._bad("one-click", "one-click unsubscribe works over https only", remedy, sender)
        assert set(ONE_CLICK) <= set(names)
        return Checked("one-click", Mark.OK, "both headers are there and signed", sender=sender.name)

    def _record(self, sender: Sender, signer: Signer) -> Checked:
        name = signer.record_name
        texts = [text for text in self.dns.texts(name) if "p=" in text]
        show = f"publish what `nurture dkim show {sender.name}` prints"
        if not texts:
            return self._bad("dkim-record", f"there is no key at {name}", show, sender)
        keys = {re.sub(r"\s", "", found[1]) for text in texts if (found := _KEY.search(text))}
        if len(texts) > 1:
            return self._bad("dkim-record", f"{name} holds {len(texts)} keys", "leave one of them", sender)
        if keys != {signer.key.public}:
            return self._bad("dkim-record", f"the key at {name} is another than ours", show, sender)
        return Checked("dkim-record", Mark.OK, f"{name} holds our key", sender=sender.name)

    def _spf(self, sender: Sender, domain: str) -> Checked:
        records = [one for one in self.dns.texts(domain) if one.lower().split(" ")[0] == "v=spf1"]
        remedy = f"publish one TXT record at {domain}: v=spf1 include:YOUR-PROVIDER -all"
        if not records:
            return self._bad("spf", f"{domain} does not say who may send for it", remedy, sender)
        if len(records) > 1:
            return self._bad(
                "spf", f"{domain} has {len(records)} SPF records, so that none counts", remedy, sender
            )
        record = records[0]
        words = record.lower().split()
        if "+all" in words or "all" in words:
            return self._bad(
                "spf", f"{domain} lets everybody send for it", "end its record with -all", sender
            )
        if (lookups := len(_LOOKUP.findall(record))) > MOST_LOOKUPS:
            said = f"{domain} asks for {lookups} look-ups, and receivers stop at {MOST_LOOKUPS}"
            return self._bad("spf", said, "name addresses instead of includes", sender)
        if not ({"-all", "~all"} & set(words) or "redirect=" in record.lower()):
            remedy = "end its record with -all or ~all"
            return Checked(
                "spf", Mark.WARNING, f"{domain} does not say that nobody else may", remedy, sender.name
            )
        return Checked("spf", Mark.OK, record, sender=sender.name)

    def _dmarc(self, sender: Sender, domain: str) -> Checked:
        for name in _upwards(domain):
            found = [one for one in self.dns.texts(f"_dmarc.{name}") if one.lower().startswith("v=dmarc1")]
            if len(found) == 1 and re.search(
                r";\s*p\s*=\s*(none|quarantine|reject)", found[0], re.IGNORECASE
            ):
                return Checked("dmarc", Mark.OK, f"_dmarc.{name}: {found[0]}", sender=sender.name)
            if found:
                said = f"_dmarc.{name} cannot be read by receivers"
                return self._bad("dmarc", said, "leave one record, beginning v=DMARC1; p=none", sender)
        remedy = f"publish a TXT record at _dmarc.{domain}: v=DMARC1; p=none; rua=mailto:YOUR-ADDRESS"
        return self._bad("dmarc", f"{domain} does not say what to do with forged mail", remedy, sender)

    def _bounces(self, sender: Sender, domain: str) -> Checked:
        servers = self.dns.mail_servers(domain)
        if servers or self.dns.addresses(domain):
            return Checked(
                "return-path",
                Mark.OK,
                f"bounces go to {servers[0] if servers else domain}",
                sender=sender.name,
            )
        remedy = f"publish an MX record for {domain} that leads to a mailbox you read"
        return self._bad("return-path", f"bounces to {domain} arrive nowhere", remedy, sender)

    # --- a message to itself ------------------------------------------------------------------------------------

    def _itself(self, sender: Sender, *, held: bool) -> Checked:
        """Send the sender a message of its own, by the way that all others go."""
        box = parse_mailbox(sender.address)
        code, name = "message", sender.name
        if held:
            remedy = "`nurture resume --everything`, or wait until the mail server takes us again"
            return Checked(code, Mark.UNKNOWN, "not sent: sending is paused", remedy, name)
        if not allows(box.address, self.runtime.allow_recipients or ()):
            remedy = f"add {box.address} to NURTURE_ALLOW_RECIPIENTS"
            return Checked(
                code, Mark.UNKNOWN, "not sent: the staging guard does not list the sender", remedy, name
            )
        try:
            message = self._message(box, self.runtime.keys.signer(sender))
        except DkimError:
            return Checked(code, Mark.UNKNOWN, "not sent: it cannot be signed", "mend the key first", name)
        outcome = self._sent(message)
        match outcome:
            case Accepted():
                where = f"caught as {outcome.text}" if self.catches else f"accepted: {outcome}"
                return Checked(code, Mark.OK, f"a message to {box.address} was {where}", sender=name)
            case RefusedUs(code=None) | Unknown():
                return Checked(
                    code, Mark.UNKNOWN, f"not reachable: {outcome}", "see that the mail server runs", name
                )
            case Deferred():
                return Checked(code, Mark.WARNING, f"put off: {outcome}", "try again in some minutes", name)
        remedy = "read the server's words; they name what to mend"
        return self._bad(code, f"a message to {box.address} was refused: {outcome}", remedy, sender)

    def _message(self, box: Mailbox, signer: Signer | None) -> Message:
        key = f"preflight-{secrets.token_hex(8)}"
        mail = Mail(
            from_=box,
            to=box,
            subject="A test of this sender",
            text="nurture doctor --mail sent this. In its headers you see how it arrived:\n"
            "look for spf=pass, dkim=pass and dmarc=pass in Authentication-Results.\n",
            message_id=message_id(key, box.domain),
            date=self.runtime.clock.operational(),
        )
        return Message(box.address, box.address, build_message(mail, signer), mail.message_id, key)

    def _sent(self, message: Message) -> Outcome:
        channel = self.runtime.open_channel()
        try:
            staged = channel.stage([message])
            return {**staged.refused, **staged.finish()}[0]
        finally:
            channel.close()


def _owners(published: Published) -> Iterator[Checked]:
    """Who writes as ``owner`` is signed for by the default sender: receivers want one domain in both (DMARC)."""
    workspace = published.workspace
    sender = sender_of(workspace, OWNER)
    if sender is None or OWNER not in _named_senders(published.templates):
        return
    ours = parse_mailbox(sender.address).domain
    domains = {parse_mailbox(one).domain for team in workspace.teams.values() for one in team.members}
    if others := sorted(one for one in domains if not _is_aligned(one, ours)):
        said = f"colleagues at {', '.join(others)} write under the signature of {ours}, which receivers may refuse"
        yield Checked("owners", Mark.WARNING, said, f"give them addresses at {ours} in [teams]")
    else:
        yield Checked("owners", Mark.OK, f"colleagues write from {ours}, which signs for them")


def _named_senders(templates: Library) -> Iterator[str | None]:
    """As whom each message writes, in every language; one that cannot be read any more is not sent, and is told of elsewhere."""
    for name in templates.names:
        if name.startswith("email/") and is_sent(name):
            for locale in (None, *templates.languages(name)):
                with suppress(TemplateProblems, NotFoundError):
                    yield templates.message(name, locale).sender


def _is_aligned(one: str, other: str) -> bool:
    """Of one organisation, as far as names tell (RFC 7489, 3.1.1)."""
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def _upwards(domain: str) -> Iterator[str]:
    """The domain, and those above it down to two labels: where a policy is looked for (RFC 7489, 6.6.3)."""
    labels = domain.split(".")
    for at in range(max(1, len(labels) - 1)):
        yield ".".join(labels[at:])


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_here(host: str) -> bool:
    """Whether only this machine can mean itself by it."""
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)
