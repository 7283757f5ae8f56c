"""What servers say of dead mailboxes and of living ones: one refusal a line, to stand in a report about ana@example.org."""

DEAD_IN_WORDS = """
550 5.1.1 <ana@example.org>: Recipient address rejected: User unknown in local recipient table
550 5.1.1 <ana@example.org>: Recipient address rejected: example.org
550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 double-checking the address
550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ana@example.org not found by SMTP address lookup
550 5.4.1 [ana@example.org]: Recipient address rejected: Access denied. AS(201806281)
550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)
550 Requested action not taken: mailbox unavailable
554 delivery error: dd This user doesn't have a yahoo.com account (ana@example.org) [0] - mta1.example.net
554 30 Sorry, your message to ana@example.org cannot be delivered. This mailbox is disabled (554.30).
550 5.7.1 No such user!
554 5.7.1 <ana@example.org>: Recipient address rejected: Nonexistent user
553 sorry, no mailbox here by that name (#5.7.17)
550 5.2.1 The email account that you tried to reach is disabled.
550 5.2.1 Mailbox not available / Konto niedostepne
551 not our customer
551 <ana@example.org> is a deactivated mailbox
550 5.1.6 recipient no longer on server: ana@example.org
553 5.3.0 <ana@example.org>... Addressee unknown
550 <ana@example.org>... User unknown
550 ana@example.org...User unknown
550 BAD_RECIPIENT - see http://mail.example.net/undelivered.php
550 "ana@example.org" is not a known user
550-ana@example.org is not an active address at this host
550 Recipient Rejected: No account by that name here
550 User not local; unknown recipient
550 5.1.2 Host unknown (Name server: example.invalid: host not found)
556 5.1.10 Recipient address has null MX
550 Empfaenger unbekannt
550 5.1.1 Benutzer unbekannt
550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR204_416 [416]
550 5.1.1 Utilisateur inconnu
550 Usuario desconocido
550 5.1.1 <ana@example.org> Utente sconosciuto
550 Usuário desconhecido
550 Onbekende gebruiker
501 5.1.3 Odbiorca <ana@example.org> nie istnieje
550 Пользователь не найден
550 用户不存在
550 宛先が不明です
550 Requested action not taken: mailbox unavailable For explanation visit https://postmaster.example/errors?c=rvep
550 5.1.351 Remote server returned unknown recipient or mailbox unavailable -> 550 Unknown user ana@example.org
550 5.4.310 DNS domain gmial.example does not exist [Message=InfoDomainNonexistent]
5.1.2 DNS Error: DNS type 'mx' lookup of gmial.example responded with code NXDOMAIN Domain name not found
550 permanent failure for one or more recipients (ana@example.org:550 5.1.1 ana@example.org User unknown)
554 delivery error: dd Requested mail action aborted, mailbox not found - mta4010.example
550 Message was not accepted -- invalid mailbox. Local mailbox ana@example.org is unavailable: user not found
550 Invalid Recipient - https://community.example/docs/DOC-1369#550 [xyz]
550 Unrouteable address
550 <ana@example.org> (in reply to RCPT TO command)
"""
SOFT_IN_WORDS = """
550 5.1.1 <ana@example.org> max message size exceeded
553 5.1.1 Sender Policy Framework (SPF) fail
550 5.1.1 Your IP is blocked by our policy, user unknown
550 5.1.1 Mailbox full
550 5.1.1 <ana@example.org>: quota exceeded
550 5.1.1 message looks like spam
550 5.1.1 Recipient address rejected: unverified address, try again later
450 4.1.1 <ana@example.org>: Recipient address rejected: User unknown in relay recipient table
450 4.2.0 <ana@example.org>: Recipient address rejected: Greylisted, see http://postgrey.example
451 4.7.1 Greylisting in action, please come back later
452 4.2.2 The email account that you tried to reach is over quota and inactive.
552 5.2.2 The email account that you tried to reach is over quota.
550-5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages
550 Benutzer hat zuviele Mails auf dem Server. / User has too many messages on the server.
550 5.7.0 x-unix; The recipient mailbox has exceeded its disk space limit.
552 Account(s) <ana@example.org> does not have enough space
554 mailbox is full
550 Postfach ist voll
550 Boîte aux lettres pleine
550 Buzón lleno
550 Casella piena
550 Caixa cheia
550 Почтовый ящик переполнен
552 5.3.4 Message size exceeds fixed limit
534 SIZE=Message too big. (in reply to MAIL FROM command)
550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient
550 5.7.1 Message rejected as spam by Content Filtering. (in reply to end of DATA command)
554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org
550 5.7.1 Unable to relay for ana@example.org
554 <ana@example.org>: Relay access denied (in reply to RCPT TO command)
550 <ana@example.org>... Relaying denied (in reply to RCPT TO command)
553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)
550 5.7.26 This message does not have authentication information or fails to pass authentication checks
550 5.7.515 Access denied, sending domain nurture.example does not meet the required authentication level
550-5.7.1 [192.0.2.1 12] Our system has detected that this message is likely unsolicited mail
550 5.7.511 Access denied, banned sender[192.0.2.1]
550 5.1.8 <news@nurture.example>: Sender address rejected: Domain not found
550 5.1.7 <news@nurture.example>: Sender address rejected: User unknown
550 5.1.0 <news@nurture.example> sender rejected : user does not exist
550 Verification failed for <news@nurture.example>: No such user. Sender verify failed
550 Your server requires confirmation. (in reply to RCPT TO command)
550 Denied due to spam list (in reply to RCPT TO command)
550 User unknown (in reply to MAIL FROM command)
550 Administrative prohibition
550 Rejected
550 Mailbox unavailable or access denied - <ana@example.org> (in reply to RCPT TO command)
550 5.7.1 Mailbox unavailable
550 Requested action not taken: mailbox unavailable (in reply to end of DATA command)
554 5.6.0 Message contains a virus
554 5.4.6 Too many hops
554 5.3.2 System not accepting network messages
550 5.4.4 Name service error for name=example.org type=MX: Malformed or unexpected name server reply
450 4.4.3 Host or domain name not found. Name service error: Host not found, try again
550 5.4.4 Unable to route: lookup failed, SERVFAIL
4.4.7 delivery time expired
5.4.7 Delivery expired (message too old)
421 4.7.0 Too many connections from your host
550 Error: SPAM-ID: h2003 Your email had spam-like header contents.
550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required
550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy
550 No such domain at this location (ana@example.org)
554 5.7.1 You're using a mass mailer, therefore you're bounced.
550 5.1.1 The group you tried to contact may not exist, or you may not have permission to post messages to it
5.1.1 Amazon SES has suppressed sending to this address because it has a recent history of bouncing as an invalid address
550 5.4.5 Daily user sending quota exceeded
550 5.2.1 Mailbox temporarily disabled: ana@example.org
550 5.2.1 This mailbox has been blocked due to inactivity
550 permanent failure for one or more recipients (ana@example.org:blocked)
550 5.7.124 RESOLVER.RST.NotAuthorizedForGroup; the sender isn't in the allowed-senders list
554 IP=192.0.2.1 - A problem occurred. (Ask your postmaster for help)
550 Mail content denied.
550 account is locked
550 5.1.2 Host unknown: name server said SERVFAIL
"""
