"""How mail systems begin when they bring a message back: subjects, openings and signatures, as `words` compares them."""

from __future__ import annotations

from nurture.channels.inbound.words import phrases

SUBJECTS = phrases(
    "it was not delivered",
    """
    undeliverable | undelivered | undeliverable mail | non deliverable | not deliverable | mail delivery failed |
    mail delivery failure | mail delivery problem | mail delivery warning | delivery failure | delivery failed |
    delivery has failed | delivery error | delivery problem | delivery report | delivery notification |
    delivery status notification | delivery status | delivery subsystem | failure notice | failure delivery |
    failed mail | failed delivery | mail failed | mail failure | mail error | mail system error | returned mail |
    returned email | return to sender | returning message to sender | returned to sender | returning to sender |
    message delivery failure | message status undeliverable | non delivery | nondelivery | not delivered |
    could not be delivered | couldn t be delivered | could not deliver | unable to deliver | cannot be delivered |
    message not delivered | mail not delivered | mail could not be delivered | processing error |
error during delivery | error sending your mail | error sending your message | user unknown | delayed mail | message delayed | delivery delayed | delivery delay |
    still being retried | not yet been delivered | warning message | delivery notice | non remis |
    bounced mail | bounced message | rejected mail | automatically rejected mail | blocked by our |
    considered unsolicited bulk email | unzustellbar | nicht zugestellt | nicht zustellbar | zustellung fehlgeschlagen |
    mail delivery system | unzustellbare | fehlgeschlagen | non distribue | echec de la remise | echec de remise |
    echec d envoi | echec de distribution | message non remis | notification d echec | non remis | undeliverable message |
    no se puede entregar | no entregado | error de entrega | fallo en la entrega | entrega fallida |
    notificacion de estado | mensaje no entregado | mancato recapito | mancata consegna | non recapitabile |
    messaggio non recapitato | falha na entrega | nao entregue | nao foi entregue | falha de entrega | niet bezorgd |
    onbestelbaar | niet bezorgbaar | kon niet worden afgeleverd | nie dostarczono | niedostarczona | zwrot wiadomosci |
    nie mozna dostarczyc | kunde inte levereras | olevererbart | kan ikke leveres | ikke leveret | kunne ikke leveres |
    ei voitu toimittaa | toimitus epaonnistui | nedorucitelne | nedorucena | kezbesithetetlen | sikertelen |
    не доставлено | недоставленное | не может быть доставлено | ошибка доставки | сообщение не доставлено |
    teslim edilemedi | iletilemedi | 退信 | 无法投递 | 投递失败 | 系统退信 | 配信できません | 配信不能 | エラーメール |
    メール配信エラー | 전송 실패 | 반송
    """,
)

OPENINGS = phrases(
    "it was not delivered",
    """
    could not be delivered | couldn t be delivered | cannot be delivered | can t be delivered | was not delivered |
    wasn t delivered | were not delivered | not been delivered | not be delivered | has been rejected |
    has been returned | is being returned | has been delayed | was undeliverable | is undeliverable | undeliverable to |
    undeliverable address | unable to deliver | not able to deliver | wasn t able to deliver | could not deliver |
    couldn t deliver | cannot deliver | failed to deliver | failed to send | could not be sent | delivery failed |
    delivery has failed | delivery to the following | delivery of email to this address | did not reach |
    did not receive | failed recipient | failed recipients | failed addresses | permanent fatal errors |
    transient non fatal errors | fatal delivery errors | delivery errors | delivery problem | delivery problems |
    delivery error | invalid final delivery userid | unknown user | user unknown | mailbox exceeds | mailbox is full |
    no such user | not a valid user | error has occurred while attempting to deliver | unsuccessful delivery |
    message not delivered | not delivered to | rejected your message | was rejected | was automatically rejected |
    error description | permanent error | permanent errors | trouble delivering | error sending your mail | returned to you | encountered an error while | have delivery notifications |
    did not exactly match | blocked by our | considered unsolicited | was considered | problem with the e mail address |
    delivery notification | nicht zugestellt | nicht zustellen | nicht ausgeliefert | fehler bei der auslieferung |
    konnte nicht | pas pu etre | n a pas pu | n a pas ete | impossible de remettre | echec de la remise |
    no se pudo entregar | no pudo ser entregado | no se ha podido | no ha podido | non e stato possibile |
    impossibile recapitare | non consegnato | non recapitato | nao pode ser | nao foi possivel entregar | nao foi entregue |
    kon niet worden | niet worden bezorgd | nie zostala dostarczona | nie mogla zostac | nie udalo sie dostarczyc |
    gick inte att leverera | kunde inte levereras | kunne ikke leveres | ei voitu toimittaa | nelze dorucit |
    nebylo mozne dorucit | nem sikerult | не может быть доставлено | не удалось доставить | не было доставлено |
    не доставлено | невозможно доставить | teslim edilemedi | iletilemedi | 无法发送 | 无法投递 | 投递失败 | 退信 |
    送信できません | 配信できません | 届けることができ
    """,
)

# Nobody but a program opens like this: believed even from a sender that looks like a person.
SIGNATURES = phrases(
    "it was not delivered",
    """
    this is the qmail send program | this is the mail system at host | this is the postfix program at host |
    this is the deliver program at | this message was created automatically by mail delivery software |
    this is an automatically generated delivery status notification | had permanent fatal errors |
    message from interscan | non delivery report the email below could not be delivered |
    votre message n a pas pu etre delivre | the following mail could not be delivered |
    please do not resend your original message delivery attempts | the following recipient s could not be reached |
    this is the mail delivery agent at | error message below | did not reach the following recipient s | mailenable message could not be delivered
    """,
)

ARRIVED = phrases(
    "it arrived",
    """
    successfully delivered | successful mail delivery | delivery has been successful | was delivered successfully |
    has been delivered to | erfolgreich zugestellt | remis avec succes | entregado correctamente
    """,
)

STILL_TRYING = phrases(
    "it is still being tried",
    """
    still being retried | this is a warning only | this is a warning message only | warning message only |
    this is just a warning | advisory only email | has been delayed | have been delayed | delivery delayed |
    delayed mail | message delayed | mail delivery delayed | not yet been delivered | has not yet been delivered |
    will be retried | delivery attempts will continue | will continue to attempt | will continue to try |
    will continue trying | we will keep trying | still trying to deliver | keep trying to deliver |
    delivery status notification delay | has been postponed | do not need to resend | verzogert | zustellung verzogert |
    retarde | retrasado | in ritardo | atrasada | vertraagd | opozniona | отложена | задерживается
    """,
)
