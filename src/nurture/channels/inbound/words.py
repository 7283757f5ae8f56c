"""What mail servers say, and what it means: in their own words.

A phrase is looked for without regard to case, accents and punctuation, and only as whole words: "no-such-user" is "no
such user". It must mean the same in every sentence that holds it; a phrase that is said of dead and of living
mailboxes alike belongs under FAINT or nowhere. Add a phrase here when a server says it in yet another way.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_ADDRESS = re.compile(r"[^\s<>\[\]()\"',;:@]{1,120}@#?[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}")
_URL = re.compile(r"(?:https?://|www\.|mailto:)\S{1,400}", re.IGNORECASE)
_HOST = re.compile(
    r"(?<![\w.@-])(?:[\w-]{1,63}\.){1,8}[a-z]{2,18}\.?(?=[\s\[\]():,;]|$)(?!\s*\.)", re.IGNORECASE
)
_APART = re.compile(r"[\W_]+")
_ACCENTS_TO_PEOPLE = {"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe"}  # but not to Unicode
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


class _Bare(dict[int, str]):
    """Letters without their accents, looked up one by one: a long row of accents costs no more than other letters."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        parted = unicodedata.normalize("NFKD", _ACCENTS_TO_PEOPLE.get(letter, letter))
        bare = "".join(part for part in parted if not unicodedata.combining(part))
        if code < _KEPT:
            self[code] = bare
        return bare


_KEPT = 0x3000  # alphabets; what comes beyond is too much to remember
_BARE = _Bare()


def plain(text: str) -> str:
    """``text`` as phrases are compared: small letters without accents, one blank between words and at both ends."""
    return f" {_APART.sub(' ', text.casefold().translate(_BARE)).strip()} "


def without_names(text: str) -> str:
    """``text`` without the addresses, hosts and links in it: what they are called says nothing about the mailbox."""
    return _HOST.sub(" ", _ADDRESS.sub(" ", _URL.sub(" ", text)))


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases with one meaning; ``meaning`` goes on after "it says that …"."""

    meaning: str
    phrases: tuple[str, ...]

    def found_in(self, said: str) -> bool:
        """Does one of them stand in ``said``, which `plain` has made?"""
        return any(phrase in said for phrase in self.phrases)

    def count_in(self, said: str) -> int:
        """How many of them stand there."""
        return sum(phrase in said for phrase in self.phrases)


def phrases(meaning: str, lines: str) -> Phrases:
    """A table from its text: phrases with a bar between them."""
    # A script without blanks between words is looked for as it is; other phrases as whole words.
    said = (plain(phrase) for phrase in lines.split("|") if phrase.strip())
    return Phrases(meaning, tuple(p.strip() if _UNSPACED.search(p) else p for p in said))


FULL = phrases(
    "the mailbox is full",
    """
    quota | overquota | quotaexceeded | exceeded storage allocation | mailbox full | mailbox is full |
    mailfolder is full | mail box is full | mailbox too full | maildir is full | inbox is full | inbox full |
    folder is full | account is full | mailboxfull | full mailbox | is full of mail |
    mailbox size limit exceeded | mailbox exceeds allowed size | mailbox exceeded the local limit |
    mailbox size exceeded | exceeded its disk space limit | exceed mailbox | exceeded mailbox |
    exceeded the maximum mailbox size | storage limit | storage exceeded | not enough storage |
    insufficient storage | insufficient system storage | insufficient disk space | insufficient space |
    out of storage | no storage left | no space left | not enough space | not have enough space |
    not enough disk space | disk full | disk space exceeded | space not enough | too much mail |
    too many messages on the server | too many messages in | has too many messages | mailbox has exceeded |
    mailbox cannot accept | has no space | recipient s mailbox is over | over the maximum allowed |
    overdrawn his diskspace | mailbox limit exceeded | inbox has exceeded | zuviele mails | speicherplatz |
    postfach ist voll | postfach voll | mailbox voll | mailbox ist voll | uberfullt | kontingent |
    boite pleine | boite est pleine | boite aux lettres est pleine | boite aux lettres pleine |
    boite de reception est pleine | espace de stockage | buzon lleno | buzon esta lleno |
    buzon de correo esta lleno | bandeja de entrada esta llena | casella piena | casella postale piena |
    casella di posta piena | caixa cheia | caixa postal cheia | caixa de entrada cheia |
    caixa de correio cheia | postvak is vol | mailbox is vol | mailbox vol | skrzynka pelna | przepelniona |
    jest pelna | postladan ar full | brevladan ar full | postkassen er full | postkassen er fuld |
    schranka je plna | postafiok megtelt | переполнен | переполнена | kutusu dolu | 容量 | 已满 | 已滿 | 가득 | いっぱい |
    超過 | mail box space | exceeds mailbox | mailbox is over its limit | message box is full |
    user has exceeded | メールボックスがいっぱい | 空間不足 | 空间不足 | 空间已满 | exceed maximum allowed storage |
    space has been used up | destinataire pleine | mail system full | temporarly for exceeding |
    no disk space | user is full | 一杯 | 満杯
    """,
)

SENDER = phrases(
    "it is about us as the sender",
    """
    sender denied | sender rejected | sender verify failed | sender verification | sender unknown |
    sender not authorized | sender not allowed | sender is blocked | sender domain | sender is not |
    unknown sender | invalid sender | verify sender | bad sender | domain of sender | sender s domain |
    sending address | return address | return path | mail from | envelope from | from address |
    bad outbound sender | sender policy | not authorized to send | not allowed to send |
    not permitted to send | permission to send | not accepting messages from | only accepts messages from |
    restricted to certain senders | senders are allowed | authenticated senders | no resent from |
    not a member | sender address | sender does not exist | sender doesn t exist | sender not exist |
    sender not found | sender user unknown | sender mailbox | sender account | sender email |
    sender s address | sender s mailbox | sender s email | sender s account | sender invalid |
    sender refused | from you | your address | your email address | your account | your domain |
    you have been | from domain | email address is not verified | not pre approved | emetteur invalide |
    email address used to send | not subscribed to | absender unbekannt | absenderadresse |
    expediteur inconnu | adresse de l expediteur | remitente desconocido | direccion del remitente |
    mittente sconosciuto | remetente desconhecido | отправителя | your e mail address |
    verification failed for | callout | callback | sender is unknown | from header
    """,
)

REFUSED_US = phrases(
    "it refuses us or this message, not the address",
    """
    spam | spamming | spammer | spammy | antispam | unsolicited | bulk mail | bulk email | bulk e mail |
    mass mail | mass mailer | junk | ube | spamhaus | spamcop | barracudacentral | spamassassin | uribl |
    surbl | sorbs | dnsbl | dnsrbl | rbl | blocked | block list | blocklist | blocklisted | blacklist |
    blacklisted | black list | black listed | denylist | banned | reputation | policy | policies | virus |
    infected | malware | phishing | forbidden attachment | attachment type | attachment not |
    attachments not | attachments are not | attachment is not | executable | spf | dkim | dmarc |
    unauthenticated | not authenticated | authentication | authenticate | rfc 5322 | rfc 2822 | rfc 5321 |
    duplicate header | ptr | reverse dns | rdns | helo | ehlo | fcrdns | client host | your ip | ip address |
    ip addresses | your server | your host | your mail server | access denied | access rejected |
    not authorized | unauthorized | not permitted | prohibited | prohibition | administratively |
    administrative | relaying | relay denied | no relay | not relay | as a relay | allowed rcpthosts |
    complaint | complaints | abuse | suspicious | whitelist | white list | allowlist | guest list |
    tls required | encryption | must issue a starttls | too many recipients | too many connections |
    too many messages | too many errors | too many invalid recipients | too many unknown | too many hops |
    hop count | loop | loops | looping | rate | ratelimit | throttled | throttling | limit exceeded |
    exceeded the limit | sending limit | daily limit | suspected | fraud | harvest | legal | regulations |
    not accepted here | messages without | missing header | bad header | bare lf | bare newline | smtputf8 |
    8bitmime | message format | mime error | is listed | are listed | listed on | listed by |
    requires confirmation | require confirmation | is requested to confirm | not like your |
    unsolicitedmessageerror | rejected as | not allowed | not trusted | bounced because | security |
    untrusted | not signed | certificate | insecure | content rejected | content reject | content filtering |
    content denied | message content | content matched | content restrictions | pattern | scored | score |
    filter | filters | firewall | screened | screening | challenge | delivery restrictions | restricted |
    moderated | moderator | protocol violation | open relay | to relay | not a gateway |
    don t handle mail for | non member | members only | closed mailing list | captcha | illegal attachment |
    user rules | organizational settings | protected by | batv | multiple addresses | header error |
    header are | mime headers | 8 bit data | base64 | syntax error | unsigned dsn | no gateway |
    rule imposed | listserv | refuses to accept your | out of the office | on vacation | am away |
    user reject | smtp command | recipient preferences | email preferences | user preferences |
    recipient s preferences | suppressed sending | suppression list
    """,
)

SIZE = phrases(
    "the message is too big",
    """
    too large | too big | size limit | message size | maximum size | exceeds size | exceeds the size |
    exceeds maximum | exceeds the maximum | exceeded maximum inbound | size exceeds | sizelimit |
    recipsizelimit | sendsizelimit | zu gross | trop volumineux | demasiado grande | muito grande |
    troppo grande | te groot | слишком большой
    """,
)

PASSING = phrases(
    "the trouble may pass",
    """
    later | try again in | not available try again | temporary | temporarily | transient | greylist |
    greylisted | greylisting | graylist | graylisted | graylisting | at a rate | unverified address |
    address verification in progress | deferred | timed out | timeout | time out | delivery time expired |
    queue too long | no answer | not responding | did not respond | connection refused | connection reset |
    connection dropped | connection was dropped | connection lost | connection closed | connection failed |
    connection timed | lost connection | could not connect | unable to connect | cannot connect |
    can t connect | network error | read error | system error | internal error | internal server error |
    software error | local error | configuration error | misconfigured | misconfiguration | busy |
    overloaded | service unavailable | service not available | not accepting network messages |
    lookup failure | lookup failed | dns failure | dns problem | dns query failed | servfail |
    server failure | malformed | unable to route | cannot route | no route | routing loop | maintenance |
    spater | vorubergehend | temporar | reessayer | temporairement | mas tarde | temporalmente | piu tardi |
    temporaneamente | mais tarde | temporariamente | tijdelijk | tymczasowo | временно | позже | 稍后 | 一時的 |
    message expired | delivery expired | queue expired | been in the queue | not found try again |
    at this time | at the moment | currently unavailable | currently not available | system resources |
    out of memory | i o error | delivery failed attempts | all hosts have been failing |
    no matches to nameserver query | not been collected | retry | retried | retrying | warteschlange |
    quarantined | unreachable | not reachable | gateway for | multiple retries | numerous attempts |
    low priority | connection limit | connections | concurrent | sessions for this host | per hour |
    connexions | interrupted system call | queue file | config error | could not load | output file |
    transaction failed | dns records | mx records | cname | resolve route | unable to resolve |
    unrouteable mail domain | is not accepting any | not accepting mail | not currently being accepted |
    delivery attempts will continue | has been delayed | frozen | mailer program | encountered an error | is down |
    temporarly | mx record | dns record | a record | no such file | file does not exist |
    directory does not exist | not accepting messages | not accepting email | too quickly | delivery agent |
    command died | no such device | may not exist | permission to post
    """,
)

DEAD = phrases(
    "nobody has this address",
    """
    user unknown | unknown user | user is unknown | user not known | user not found | user doesn t have |
    user does not have | user not registered | user invalid | invalid user | invalid userid |
    invalid username | invalid final delivery userid | invalid mailbox | invalid recipient |
    invalid recipients | invalid account | invalid local part | invalid alias | no such user |
    no such a user | nosuchuser | no such recipient | no such mailbox | no such address | no such account |
    no such person | no such local user | no such email | no such e mail | no such customer | no such alias |
    no such name | no such id | no user | no mailbox | no mail box | no account by that name |
    no account here | no recipient by that name | no email address | no longer on server | no longer valid |
    no longer exists | no longer a valid | no longer have an account | not a valid user |
    not a valid mailbox | not a valid recipient | not a valid address | not a valid email |
    not a valid e mail | not a known user | not a known recipient | not a local user | not an active address |
    not our customer | not exist | doesn t exist | dont exist | don t exist | nonexistent | non existent |
    non existing | nonexisting | inexistent | inexistant | unexistent | recipient unknown |
    unknown recipient | unknown recipients | unknown address | unknown mailbox | unknown account |
    unknown local part | unknown local user | unknown alias | unknown or invalid | unknown email |
    unknown virtual user | address unknown | address is unknown | addressee unknown | mailbox unknown |
    account unknown | recipient not found | recipient was not found | recipnotfound | recipientnotfound |
    address not found | mailbox not found | mail box not found | account not found |
    mailbox couldn t be found | address couldn t be found | address you entered couldn t be found |
    recipient name is not recognized | recipient is not recognized | recipient not recognized |
    unrecognised or name | unrecognized or name | unrecognized recipient | unrecognized address |
    not listed in domino directory | not listed in public name | bad destination mailbox |
    bad destination email | bad recipient | bad mailbox | badrcptto | illegal user | illegal alias |
    does not have an account | doesn t have an account | address is wrong | address is invalid |
    recipient is invalid | incorrect address | user mail box | wrong address | empfanger unbekannt |
    empfaenger unbekannt | unbekannter empfanger | unbekannter benutzer | benutzer unbekannt |
    benutzer nicht gefunden | adresse unbekannt | existiert nicht | ist nicht bekannt | kein benutzer |
    kein solcher | utilisateur inconnu | utilisateur non recense | destinataire inconnu | adresse inconnue |
    adresse d au moins un destinataire invalide | boite inexistante | n existe pas | n existe plus |
    usuario desconocido | usuario inexistente | destinatario desconocido | cuenta inexistente |
    buzon inexistente | no existe | utente sconosciuto | destinatario sconosciuto | non esiste | inesistente |
    usuario desconhecido | destinatario desconhecido | conta inexistente | caixa postal inexistente |
    nao existe | onbekende gebruiker | gebruiker onbekend | onbekend adres | adres onbekend | bestaat niet |
    nie istnieje | nieznany uzytkownik | nieznany odbiorca | brak takiego uzytkownika | okand mottagare |
    okand anvandare | finns inte | ukjent bruker | ukendt bruger | finnes ikke | findes ikke |
    eksisterer ikke | ei ole olemassa | neznamy uzivatel | nem letezik | nu exista | bilinmeyen kullanici |
    пользователь не найден | не существует | несуществующий | нет такого пользователя |
    неизвестный пользователь | не існує | ne postoji | ne obstaja | δεν υπαρχει | 無此 | 无此 | 查无 | 존재하지 |
    없는 사용자 | 存在しません | 宛先不明 | 宛先が不明 | user name unknown | username unknown | user isn t |
    user could not be found | user couldn t be found | recipient could not be found |
    recipient couldn t be found | mailbox could not be found | account could not be found |
    address could not be found | not a user | no valid user | no valid recipient | not valid user |
    recipient invalid | empfanger nicht gefunden | adresse nicht gefunden | postfach nicht gefunden |
    pas trouve dans | utente non trovato | kullanici bulunamadi | kullanici yok | адрес не найден |
    ящик не найден | адресат не найден | is not a known | has no account | have no account | isn t a valid |
    resolver adr exrecipnotfound | nicht mehr bekannt | addressee not found | utilizador desconhecido |
    用户不存在 | 收件人不存在 | mail address is not existing | mailaddress is unknown | mailboxes are unknown |
    address no longer accepts mail | archived recipient | boite du destinataire archivee | address invalid |
    not present in directory | no one at this address | rejected account unavailable |
    not in my validrcptto list | mailbox not present | email name is not found | addresses were unknown |
    can t accept user | mailbox invalid | a registered user here | not a registered user |
    nessun utente simile | has been replaced by | usuario no encontrado | destinatario no encontrado |
    destinataire introuvable | adresse introuvable | utilisateur introuvable | mottagaren hittades inte |
    adressen hittades inte | nie znaleziono uzytkownika | nie znaleziono odbiorcy | usuario nao encontrado |
    destinatario nao encontrado | アドレスが見つかりません | 宛先が見つかりません | ユーザーが見つかりません | 账号不存在 | 帐号不存在 | 邮箱不存在 | 地址不存在 |
    帳號不存在 | 使用者不存在 | isn t a known user
    """,
)

CLOSED = phrases(
    "the mailbox is closed",
    """
    account has been disabled | account is disabled | account disabled |
    account that you tried to reach is disabled | account that you tried to reach is inactive |
    account has been deactivated | account is deactivated | account has been closed | account closed |
    account has been deleted | account deleted | account has been terminated | account terminated |
    account expired | account has expired | account inactive | account is inactive | account is not active |
    account not active | mailbox disabled | mailbox is disabled | mailbox has been disabled |
    mailbox is inactive | mailbox inactive | mailbox is closed | mailbox closed | mailbox deleted |
    mailbox has been deleted | deactivated mailbox | mailbox deactivated | inactive mailbox |
    disabled mailbox | inactive user | user is inactive | user inactive | user disabled | user is disabled |
    disabled user | disabled account | recipient disabled | recipient is disabled | no longer in use |
    no longer available | no longer active | discontinued | konto ist deaktiviert | konto wurde geloscht |
    compte desactive | compte ferme | cuenta desactivada | cuenta cancelada | account disattivato |
    casella disattivata | conta desativada | konto wylaczone | konto zablokowane | 停用 | 已停用 |
    account that you tried to reach has been disabled | cuenta deshabilitada |
    account has been suspended for inactivity | mailbox has expired | аккаунт заблокирован | аккаунт удален |
    ящик заблокирован | ящик удален | учетная запись отключена
    """,
)

NO_DOMAIN = phrases(
    "its domain does not exist, or takes no mail",
    """
    domain does not exist | domain doesn t exist | domain not exist | unknown domain | domain unknown |
    no such domain found | no such domain exists | nxdomain | non existent domain | nonexistent domain |
    host unknown | unknown host | host not found | domain not found | domain name not found |
    domain couldn t be found | domain wasn t found | name or service not known | null mx | nullmx |
    never accepts mail | domain existiert nicht | domaine inexistant | dominio no existe |
    dominio inesistente | dominio inexistente | домен не существует | domain does not accept mail |
    domain does not accept email | domain accepts no mail | host does not accept mail |
    host does not accept email | server does not accept mail | domain has no mail
    """,
)

# Said of dead mailboxes mostly, and of closed doors too: they count beside a bare 550, 551 or 553 at the recipient.
FAINT = phrases(
    "the mailbox cannot be reached",
    """
    mailbox unavailable | mailbox not available | mailbox is unavailable | recipient rejected |
    recipient refused | recipient not accepted | address rejected | recipient unavailable |
    unrouteable address | unroutable address | unrouteable mail address | not a local address |
    does not like recipient | or not local | recipient is not local | destination server rejected recipients |
    recipient not ok
    """,
)
