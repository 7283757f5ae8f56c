"""What nurture does, one service a module: load facts, ask the engine, record in one transaction.

Where to look, by what it is about; a package that is missing here, or gone, fails a test.

- advancing: the first loop: who is due, what the engine decides, writing it down
- sending: the second loop: what waits in the outbox leaves, as far as law, manners and the server allow; our own notices
- events: what happened and what it did; scores, segments, dates, visits
- inbound: what comes back: bounces, complaints, answers
- contacts: brought in, looked for, changed, led on by hand
- consent: who may be written to; the suppression list; the page on which people choose and leave
- privacy: everything handed out, everything forgotten, nothing kept too long
- forms: offers, what is asked for through them, downloads
- phone: calls, their queue and card, what was said; each caller's list
- story: one contact's path, what is next, and why
- files: the project's files, read, checked, previewed, begun
- releases: what publishing would change, doing it, taking contacts along, the way back
- rehearsing: walks, scenarios, simulations, recorded history, before anybody is met
- running: whether all is in order, what needs a person, what rests
- staff: people who log in, teams, tokens of other systems
- demo: six weeks of a sample company

What all of them share stands beside them: runtime (what a service is given), published (what is live), facts, spread, presence.
"""
