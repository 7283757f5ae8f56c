"""What people get wrong when they write a project by hand: each slip is told, all of it, at its word, once and with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from nurture.model.errors import NurtureError, Severity
from nurture.services.files.check import check
from nurture.services.files.project_files import project_files
from tests.support.projects import FILES, WORKFLOW, problems_of, told, write

FLOW, WELCOME = "workflows/checkup.yaml", "templates/email/welcome.md"
SLIPS = [
    (FLOW, "    need: Know where I stand", "\tneed: Know where I stand", ["8:1: bad-yaml"]),
    (FLOW, "    need: Know where I stand", "    need:\tKnow where I stand", ["8:10: bad-yaml"]),
    (FLOW, "      - wait: 2 days", "      - {wait: 2 days, on: yes}", ["13:28: bad-time"]),
    (
        FLOW,
        "    need: Know where I stand",
        "    entry: maybe\n    need: Know where I stand",
        ["8:12: bad-value"],
    ),
    (FLOW, "    need: Know where I stand", "    entry: 1\n    need: Know where I stand", ["8:12: bad-value"]),
    (FLOW, "      - wait: 2 days", "        at: 930\n      - wait: 2 days", ["13:13: bad-time"]),
    (FLOW, "      - wait: 2 days", "        at: 9am\n      - wait: 2 days", ["13:13: bad-time"]),
    (FLOW, "      - wait: 2 days", "        at: 25:00\n      - wait: 2 days", ["13:13: bad-time"]),
    (FLOW, "      - wait: 2 days", "        at: 24:00\n      - wait: 2 days", ["13:13: bad-time"]),
    (FLOW, "    need: Know where I stand", "    need: Know this: where I stand", ["8:20: bad-yaml"]),
    (FLOW, "purpose: nurture", "title: #1 in town\npurpose: nurture", ["2:1: empty-value"]),
    (
        FLOW,
        '    trigger: offer.requested where event.offer == "guide"',
        '    trigger: offer.requested where event.offer == "guide #1"',
        ["9:58: cut-text"],
    ),
    (FLOW, "persona: ana", "purpose: other\npersona: ana", ["3:1: duplicate-key"]),
    (FLOW, "      - wait: 2 days", "        wait: 2 days\n      - wait: 2 days", ["13:9: two-kinds"]),
    (FLOW, "      - email: welcome", "      - after: 2 days", ["12:9: unknown-step"]),
    (FLOW, "      - email: welcome", "      - id: x\n        purpose: nurture", ["12:9: unknown-step"]),
    (FLOW, "      - email: welcome", "      - e-mail: welcome", ["12:9: unknown-step"]),
    (FLOW, "      - email: welcome", "      - Email: welcome", ["12:9: unknown-step"]),
    (FLOW, "      - call_task: hello", "      - call-task: hello", ["14:9: unknown-step"]),
    (FLOW, "      - call_task: hello", "      - call: hello", ["14:9: unknown-step"]),
    (FLOW, "      - email: welcome", "      - {email: welcome, afte: 2 days}", ["12:26: unknown-key"]),
    (FLOW, "      - email: welcome", "      - {email: welcome, if-late: skip}", ["12:26: unknown-key"]),
    (FLOW, "      - email: welcome", "      - {email: welcome, if_late: drop}", ["12:35: bad-value"]),
    (
        FLOW,
        "      - wait: 2 days",
        "      - {wait_until: email.clicked, timeout: 2 days, since: welcom}",
        ["13:61: unknown-id"],
    ),
    (
        FLOW,
        "      - wait: 2 days",
        "      - {wait_until: email.clicked, timeout: 2 days, since: hello}",
        ["13:61: unknown-id"],
    ),
    (
        FLOW,
        "      - call_task: hello\n        assign: round-robin sales",
        "      - jump: secnd",
        ["14:15: unknown-stage"],
    ),
    (
        FLOW,
        "      - call_task: hello\n        assign: round-robin sales",
        "      - enroll: chekup",
        ["14:17: unknown-workflow"],
    ),
    (
        FLOW,
        "      - call_task: hello\n        assign: round-robin sales",
        "      - enroll: checkup",
        ["templates/call/hello.txt:1:1: unused-template", "14:17: enrolls-itself"],
    ),
    (
        FLOW,
        '    trigger: offer.requested where event.offer == "guide"',
        "    trigger: lost checkup",
        ["9:19: bad-value"],
    ),
    (
        FLOW,
        '    trigger: offer.requested where event.offer == "guide"',
        "    trigger: manually",
        ["9:14: bad-event"],
    ),
    (FLOW, "      - wait: 2 days", "      - wait: at 09:00 after 2 days", ["13:24: bad-time"]),
    (FLOW, "      - email: welcome", "      - {email: welcome, window: '09:00-'}", ["12:35: bad-time"]),
    (FLOW, "      - email: welcome", "      - {email: welcome, window: 09:00-09:00}", ["12:34: bad-time"]),
    (FLOW, "      - email: welcome", "      - {email: welcome, after: -2 days}", ["12:33: bad-time"]),
    (FLOW, "      - email: welcome", "      - {email: welcome, after: 2}", ["12:34: bad-time"]),
    (FLOW, "      - email: welcome", "      - {email: welcome, after: 2 days 5 hours}", ["12:40: bad-time"]),
    (FLOW, "      - email: welcome", "      - {email: welcome, after: two days}", ["12:33: bad-time"]),
    (FLOW, "      - email: welcome", "      - {email: welcome, after: 2 dyas}", ["12:35: bad-time"]),
    (FLOW, "      - email: welcome", "      - {email: welcome, after: 1.5 days}", ["12:33: bad-time"]),
    (FLOW, "      - email: welcome", "      - {email: welcome, on: funday}", ["12:30: bad-time"]),
    (FLOW, "      - email: welcome", "      - {email: welcome, on: [mon, tue]}", ["12:30: bad-value"]),
    (
        FLOW,
        "      - email: welcome",
        "      - exit: done\n      - email: welcome",
        ["13:16: unreachable-step"],
    ),
    (
        FLOW,
        "      - email: welcome",
        "      - lose: done\n      - email: welcome",
        ["13:16: unreachable-step"],
    ),
    (
        FLOW,
        "      - wait: 2 days",
        "      - wait_until: email.clicked\n        timeout: 2 days\n        on_timeout:\n          - lose: x\n          - email: welcome\n            id: q",
        ["17:20: unreachable-step"],
    ),
    (FLOW, "    loss:\n      - {after: 60 days, reason: silent}\n", "", ["18:12: stage-without-time-loss"]),
    (FLOW, "      - {after: 60 days, reason: silent}", "      - {after: 60 days}", ["22:9: missing-key"]),
    (
        FLOW,
        "      - {after: 60 days, reason: silent}",
        "      - {after: 60 days, silent: 3 days, reason: silent}",
        ["22:9: bad-value"],
    ),
    (FLOW, "      - {after: 60 days, reason: silent}", "      - {reason: silent}", ["22:9: bad-value"]),
    (
        FLOW,
        "    loss:\n      - {after: 60 days, reason: silent}",
        "    loss: {after: 60 days, reason: silent}",
        ["21:11: bad-value"],
    ),
    (
        FLOW,
        "      - {after: 60 days, reason: silent}",
        "      - {after: 60, reason: silent}",
        ["22:19: bad-time"],
    ),
    (
        FLOW,
        "    need: Talk to someone\n    validate: sale.closed",
        "    validate: sale.closed",
        ["18:5: stage-without-need"],
    ),
    (FLOW, "    need: Talk to someone", "    need:", ["19:5: empty-value"]),
    (FLOW, "    need: Talk to someone", "    need: ' '", ["19:11: bad-value"]),
    (FLOW, "    validate: sale.closed\n    loss:", "    loss:", ["18:5: stage-without-validation"]),
    (
        FLOW,
        '    trigger: offer.requested where event.offer == "guide"\n    validate: offer.downloaded where event.offer == "guide"',
        '    validate: offer.downloaded where event.offer == "guide"',
        ["7:12: stage-without-entry"],
    ),
    (FLOW, "      - wait: 2 days", "      - wait_until: email.clicked", ["13:9: wait-without-timeout"]),
    (FLOW, "purpose: nurture\npersona: ana", "persona: ana", ["11:16: message-without-purpose"]),
    (FLOW, "purpose: nurture", "purpose: Nurture", ["2:10: bad-word"]),
    (FLOW, "purpose: nurture", "purpose: transactional", ["2:10: no-permission-behind"]),
    (
        FLOW,
        '    trigger: offer.requested where event.offer == "guide"',
        "    trigger: email.sent",
        ["9:14: own-action"],
    ),
    (
        FLOW,
        '    trigger: offer.requested where event.offer == "guide"',
        "    trigger: stage.validated",
        ["9:14: own-action"],
    ),
    (
        FLOW,
        "    validate: sale.closed",
        '    validate: call.outcome where event.outcome == "boked"',
        ["20:51: unknown-outcome"],
    ),
    (
        WELCOME,
        "subject: \"{{ contact.first_name or 'Hello' }}\"",
        'subject: "{{ contact.first_name }}"',
        ["2:14: empty-greeting"],
    ),
    (WELCOME, "Good to see you.", "{{ contact.fist_name or 'x' }}.", ["5:4: unknown-variable"]),
    (WELCOME, "Good to see you.", "{{ first_name }}.", ["5:4: template-unknown-name"]),
    (WELCOME, "Good to see you.", "{{ contact.first_name|upercase }}.", ["5:23: template-not-allowed"]),
    (
        WELCOME,
        "Good to see you.",
        "Hi %FIRSTNAME% *|FNAME|* {first_name} [First Name].",
        [
            "5:4: foreign-placeholder",
            "5:16: foreign-placeholder",
            "5:26: foreign-placeholder",
            "5:39: foreign-placeholder",
        ],
    ),
    (WELCOME, "layout: frame", "layout: fram", ["3:9: template-layout"]),
    (WELCOME, "layout: frame", "layuot: frame", ["3:1: template-front-matter"]),
    (
        WELCOME,
        "subject: \"{{ contact.first_name or 'Hello' }}\"\nlayout: frame",
        "layout: frame",
        ["1:1: template-front-matter"],
    ),
    (
        WELCOME,
        "Good to see you.",
        "[get]({{ offer.link }}).",
        ["workflows/checkup.yaml:12:16: offer-not-linked"],
    ),
    ("offers/guide.yaml", "asset: guide.pdf", "asset: ../nurture.toml", ["4:8: unsafe-asset"]),
    ("offers/guide.yaml", "asset: guide.pdf", "asset: /etc/passwd", ["4:8: unsafe-asset"]),
    ("offers/guide.yaml", "asset: guide.pdf\npersona: ana", "persona: ana", ["2:7: offer-without-asset"]),
    ("offers/guide.yaml", "kind: download", "kind: dowload", ["2:7: bad-value"]),
    (
        "offers/guide.yaml",
        "fields: [email, first_name]",
        "fields: [email, fist_name]",
        ["6:17: unknown-field"],
    ),
    ("offers/guide.yaml", "fields: [email, first_name]", "fields: [first_name]", ["6:9: bad-value"]),
    (
        "offers/guide.yaml",
        "fields: [email, first_name]",
        "fields: [email, first_name, first_name]",
        ["6:29: duplicate-name"],
    ),
    (
        "offers/guide.yaml",
        'consent: {purpose: nurture, wording: "Yes, write to me", version: 2026-11}',
        'consent: {purpose: nurture, channels: [emial], wording: "Yes, write to me", version: 2026-11}',
        ["7:40: bad-value", "workflows/checkup.yaml:2:10: purpose-without-consent"],
    ),
    (
        "offers/guide.yaml",
        'consent: {purpose: nurture, wording: "Yes, write to me", version: 2026-11}',
        "double_opt_in: yes",
        ["7:16: opt-in-without-consent", "workflows/checkup.yaml:2:10: purpose-without-consent"],
    ),
    (
        "offers/guide.yaml",
        'consent: {purpose: nurture, wording: "Yes, write to me", version: 2026-11}',
        'double_opt_in: perhaps\nconsent: {purpose: nurture, wording: "Yes, write to me", version: 2026-11}',
        ["7:16: bad-value"],
    ),
    ("offers/guide.yaml", "persona: ana", "next: guide", ["5:7: ladder-loop"]),
    ("offers/guide.yaml", "persona: ana", "next: gude", ["5:7: unknown-offer"]),
    ("offers/guide.yaml", "persona: ana", "mail: welcom", ["5:7: unknown-template"]),
    (
        "offers/guide.yaml",
        "persona: ana",
        "link: {valid: 30, downloads: 0}",
        ["5:17: bad-time", "5:30: bad-value"],
    ),
    ("offers/guide.yaml", "persona: ana", "cost: cheap", ["5:7: bad-value"]),
    ("offers/guide.yaml", "persona: ana", "cost: -1", ["5:7: bad-value"]),
    ("offers/guide.yaml", "persona: ana", "link: {valid: 0 days}", ["5:15: bad-value"]),
    (
        "offers/guide.yaml",
        'consent: {purpose: nurture, wording: "Yes, write to me", version: 2026-11}',
        'consent: {purpose: nurture, wording: "Yes, write to me"}',
        ["7:10: missing-key", "workflows/checkup.yaml:2:10: purpose-without-consent"],
    ),
    ("personas/ana.yaml", "who: contact.age >= 50", "who: contact.agee >= 50", ["2:6: unknown-field"]),
    ("personas/ana.yaml", "who: contact.age >= 50", 'who: contact.age >= "50"', ["2:6: never-true"]),
    ("personas/ana.yaml", "who: contact.age >= 50", "who: contact.age = 50", ["2:18: bad-expression"]),
    ("personas/ana.yaml", "who: contact.age >= 50", "who: age >= 50", ["2:6: bad-expression"]),
    (
        "personas/ana.yaml",
        "who: contact.age >= 50",
        "who: contact.created_at > now",
        ["2:27: bad-expression"],
    ),
    ("personas/ana.yaml", "who: contact.age >= 50", 'who: event.x == "a"', ["2:6: not-here"]),
    (
        "personas/ana.yaml",
        "example: {email: ana@example.org, first_name: Ana, age: 57}",
        "example: {email: ana@example.org, fist_name: Ana, age: 57}",
        ["3:46: bad-example"],
    ),
    (
        "personas/ana.yaml",
        "example: {email: ana@example.org, first_name: Ana, age: 57}",
        "example: {email: ana@example.org, first_name: Ana, age: old}",
        ["3:57: bad-example"],
    ),
    (
        "personas/ana.yaml",
        "example: {email: ana@example.org, first_name: Ana, age: 57}",
        "example: {email: ana@example.org, first_name: Ana, timezone: America/Torono}",
        ["3:62: bad-example"],
    ),
    (
        "personas/ana.yaml",
        "example: {email: ana@example.org, first_name: Ana, age: 57}",
        "example: {email: ana@, first_name: Ana, age: 57}",
        ["3:18: bad-example"],
    ),
    (
        "personas/ana.yaml",
        "who: contact.age >= 50",
        "goals: Retire\nwho: contact.age >= 50",
        ["2:8: bad-value"],
    ),
    (
        "personas/ana.yaml",
        "example: {email: ana@example.org, first_name: Ana, age: 57}",
        "example: {email: ana@example.org, first_name: Ana, age: 37}",
        ["3:10: example-outside"],
    ),
    (
        "segments/warm.yaml",
        "where: contact.score >= 20",
        "where: '\"client\" not in contact.tag'",
        ["2:25: unknown-field"],
    ),
    (FLOW, "exit_when: contact.retired", 'exit_when: contact.plan == "premum"', ["5:28: unknown-choice"]),
    (FLOW, "exit_when: contact.retired", "exit_when: contact.first_name > 3", ["5:12: never-true"]),
    (FLOW, "persona: ana", "holdout: 100%\npersona: ana", ["3:10: bad-value"]),
    (FLOW, "persona: ana", "holdout: 5\npersona: ana", ["3:10: bad-value"]),
    (FLOW, "persona: ana", "holdout: -5%\npersona: ana", ["3:10: bad-value"]),
    (FLOW, "persona: ana", "priority: high\npersona: ana", ["3:11: bad-value"]),
    (FLOW, "persona: ana", "priority: 500\npersona: ana", ["3:11: bad-value"]),
    (FLOW, "persona: ana", "reentry: sometimes\npersona: ana", ["3:10: bad-time"]),
    (
        FLOW,
        "      - wait: 2 days",
        "      - split: s\n        variants: {a: {weight: 0}, b: {weight: 1}}",
        ["14:32: bad-value"],
    ),
    (
        FLOW,
        "      - wait: 2 days",
        "      - split: s\n        variants: {a: {weight: 50%}, b: {weight: 50%}}",
        ["14:32: bad-value", "14:50: bad-value"],
    ),
    (FLOW, "      - wait: 2 days", "      - split: s\n        variants: [{weight: 1}]", ["14:19: bad-value"]),
    (FLOW, "      - wait: 2 days", "      - split: s", ["13:9: missing-key"]),
    (
        FLOW,
        "      - wait: 2 days",
        "      - split: s\n        variants: {a: {steps: [{exit: x}]}, b: {}}",
        ["14:24: unknown-key"],
    ),
    (
        FLOW,
        "      - wait: 2 days",
        "      - split: s\n        measure: meeting.boked\n        variants: {a: {}, b: {}}",
        ["14:18: unknown-event"],
    ),
    (
        FLOW,
        '    validate: offer.downloaded where event.offer == "guide"',
        '    validate: offer.requested where event.offer == "guide"',
        ["10:15: same-evidence"],
    ),
    (
        FLOW,
        "      - {after: 30 days, reason: silent}",
        "      - {after: 1 day, reason: silent}",
        ["13:15: loss-before-step"],
    ),
    (
        FLOW,
        "        assign: round-robin sales",
        "        due: 3 days\n        expires: 1 day",
        ["16:18: expires-before-due"],
    ),
    (FLOW, "      - wait: 2 days", "      - {wait: 2 days, on_failure: lose}", ["13:24: unknown-key"]),
    (FLOW, "    validate: sale.closed", "    validate: sale.closed, quote.requested", ["20:26: bad-event"]),
    (FLOW, "      - email: welcome", "      - {email: welcome, on_failure: retry}", ["12:38: bad-value"]),
    (
        FLOW,
        "        assign: round-robin sales",
        "        hold: no\n        outcomes: {voicemail: [exit: ]}",
        ["16:19: no-hold-outcomes"],
    ),
    (
        FLOW,
        "        assign: round-robin sales",
        "        outcomes: {voice-mail: [exit: ]}",
        ["15:20: unknown-outcome"],
    ),
    (FLOW, "        assign: round-robin sales", "        outcomes: [{voicemail: []}]", ["15:19: bad-value"]),
    (FLOW, "        assign: round-robin sales", "        assign: round-robin sale", ["15:17: unknown-team"]),
    (FLOW, "        assign: round-robin sales", "        assign: ownr", ["15:17: unknown-team"]),
    (FLOW, "calendar: office", "calendar: ofice", ["4:11: unknown-calendar"]),
    (FLOW, "      - wait: 2 days", "      - exit", ["13:9: bad-value"]),
    (FLOW, "workflow: checkup", "workflow: Check Up", ["1:11: bad-word"]),
    (FLOW, "purpose: nurture", "purpse: nurture", ["2:1: unknown-key", "12:16: message-without-purpose"]),
    (
        FLOW,
        "    need: Know where I stand",
        "    needs: Know where I stand",
        ["7:5: stage-without-need", "8:5: unknown-key"],
    ),
    (FLOW, "    need: Know where I stand", "    need: !!python/object:os.system x", ["8:11: bad-yaml"]),
    (
        FLOW,
        '    trigger: offer.requested where event.offer == "guide"',
        "    trigger: offer.requested where event.offer == “guide”",
        ["9:51: bad-expression"],
    ),
    (FLOW, "    need: Know where I stand", "\xa0\xa0\xa0\xa0need: Know where I stand", ["8:1: bad-yaml"]),
    (FLOW, "    need: Know where I stand", "    need:Know where I stand", ["8:9: bad-yaml"]),
    (FLOW, "      - email: welcome", "      -email: welcome", ["12:7: bad-yaml"]),
    (FLOW, "    need: Know where I stand", '    need: "Know where I stand', ["8:11: bad-yaml"]),
    (FLOW, "    need: Know where I stand", "    need: [Know] where I stand", ["8:18: bad-yaml"]),
    (FLOW, "    need: Know where I stand", "    need: *important* thing", ["8:11: bad-yaml"]),
    (FLOW, "    need: Know where I stand", "    need: @home", ["8:11: bad-yaml"]),
    (
        "nurture.toml",
        'postal_address = "1 Main Street, Toronto"\ntimezone = "America/Toronto"',
        'timezone = "America/Toronto"',
        ["1:2: no-postal-address"],
    ),
    ("nurture.toml", 'timezone = "America/Toronto"', 'timezone = "America/Torono"', ["4:13: bad-value"]),
    ("nurture.toml", "[workspace]", "[worksapce]", ["1:2: unknown-key"]),
    ("nurture.toml", 'age = "number"', 'age = "int"', ["7:7: bad-value"]),
    ("nurture.toml", 'names = ["meeting.booked"]', 'names = ["Meeting Booked"]', ["13:10: bad-event"]),
    ("nurture.toml", 'retired = "bool"', 'age = "text"\nretired = "bool"', ["8:13: bad-toml"]),
    (
        "nurture.toml",
        "[teams.sales]",
        '[caps]\nmessages = "0 per 7 days"\n[teams.sales]',
        ["25:13: bad-value"],
    ),
    (
        "nurture.toml",
        "[teams.sales]",
        '[[scores]]\non = "email.clickd"\nadd = "five"\n[teams.sales]',
        ["25:6: unknown-event", "26:7: bad-value"],
    ),
    ("nurture.toml", 'members = ["kim@example.org"]', 'members = ["kim"]\n', ["25:12: bad-value"]),
    (
        "nurture.toml",
        'days = "mon-fri"',
        'days = "mon-fry"\ncountry = "XX"\nholidays = ["24.12.2026"]\nhours = "9-5"',
        ["19:13: bad-time", "20:12: bad-time", "21:12: bad-time", "22:10: bad-time"],
    ),
    ("nurture.toml", 'from = "Acme <hello@example.org>"', 'from = "Acme"', ["22:9: bad-value"]),
    (
        "nurture.toml",
        'timezone = "America/Toronto"',
        'privacy_url = "www.acme.com"\ntimezone = "America/Toronto"',
        ["4:15: bad-word"],
    ),
    (
        "nurture.toml",
        'timezone = "America/Toronto"',
        'currency = "dollar"\ntimezone = "America/Toronto"',
        ["4:12: bad-word"],
    ),
    (
        "nurture.toml",
        "[teams.sales]",
        '[costs]\nemail = "a"\nemial = 3\n[teams.sales]',
        ["25:9: bad-value", "26:1: unknown-key"],
    ),
    (WELCOME, "layout: frame\n---", "---", ["1:1: no-address-shown", "1:1: no-way-out"]),
    (FLOW, "      - email: welcome", "      - {email: welcome, max_late: -1 day}", ["12:36: bad-time"]),
    (FLOW, "      - wait: 2 days", "      - wait:", ["13:9: bad-value"]),
    (FLOW, "      - wait: 2 days", "      - {wait: 2 days, after: 3 days}", ["13:9: bad-value"]),
    (FLOW, "      - wait: 2 days", "      - {wait: , until: contact.age}", ["13:25: not-a-date"]),
    (FLOW, "      - wait: 2 days", "      - {wait: , until: tomorrow}", ["13:25: bad-time"]),
    (
        FLOW,
        "      - wait: 2 days",
        "      - {when: contact.age > 3, do: [], esle: []}",
        ["13:41: unknown-key"],
    ),
    (FLOW, "      - wait: 2 days", "      - {when: contact.age > 3}", ["13:16: no-effect"]),
    (FLOW, "      - wait: 2 days", "      - {when: contact.age > 3, then: [exit: ]}", ["13:33: unknown-key"]),
    (FLOW, "      - wait: 2 days", "      - set: {plan: plus}", ["13:21: bad-expression"]),
    (FLOW, "      - wait: 2 days", "      - set: {}", ["13:14: no-effect"]),
    (FLOW, "      - wait: 2 days", "      - set: score + 1", ["13:14: bad-value"]),
    (FLOW, "      - wait: 2 days", "      - email: welcome", ["13:16: duplicate-id"]),
    (FLOW, "  - stage: second", "  - stage: first", ["18:12: duplicate-stage"]),
    (FLOW, "      - email: welcome", "      - {email: welcome, id: My Step}", ["12:30: bad-word"]),
    (FLOW, "      - email: welcome", "      - {email: welcome, link_offer: gudie}", ["12:38: unknown-offer"]),
    (FLOW, "    validate: sale.closed", "    validate: meeting.bookd", ["20:15: unknown-event"]),
    (FLOW, "    validate: sale.closed", "    validate: meeting booked", ["20:23: bad-event"]),
    (FLOW, "    validate: sale.closed", "    validate: Sale.closed", ["20:15: bad-event"]),
    (FLOW, "    validate: sale.closed", "    validate: sale.closed event.x == 1", ["20:27: bad-event"]),
    (FLOW, "    validate: sale.closed", "    validate: [sale.closed, meeting.booked]", ["20:15: bad-value"]),
    (
        FLOW,
        '    trigger: offer.requested where event.offer == "guide"',
        "    trigger: [offer.requested]",
        ["9:14: bad-value"],
    ),
    (
        FLOW,
        '    trigger: offer.requested where event.offer == "guide"',
        "    trigger: date renewal_on - 3 days",
        ["9:19: bad-time"],
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "expected"), SLIPS)
def test_every_slip_is_told_at_its_word_once_and_with_a_remedy(
    tmp_path: Path, file: str, old: str, new: str, expected: list[str]
) -> None:
    assert FILES[file].count(old) == 1

    problems = problems_of(tmp_path, {file: FILES[file].replace(old, new)})

    assert [one.removeprefix(f"{file}:") for one in told(problems)] == expected
    assert all(problem.hint for problem in problems)


def test_a_workflow_whose_name_is_no_word_is_told_once_and_found_by_those_who_name_it(tmp_path: Path) -> None:
    scenario = "scenario: x\nworkflow: checkup\nstart: 2026-03-02 09:00\nexpect:\n  - {email: welcome}\n"
    flow = WORKFLOW.replace("workflow: checkup", "workflow: Checkup")

    problems = problems_of(tmp_path, {FLOW: flow, "scenarios/x.yaml": scenario})

    assert told(problems) == [f"{FLOW}:1:11: bad-word"]


@pytest.mark.parametrize(
    ("step", "hint"),
    [
        (
            "{wait_until: sale.closed, timeout: 1 day, after: 1 day}",
            "it belongs to a step of any kind but wait_until",
        ),
        ("{notify: welcome, if_late: skip}", "it belongs to email, call_task or webhook steps"),
        ("{email: welcome, id: again, hold: no}", "it belongs to call_task or webhook steps"),
        ("{email: welcome, id: again, timeout: 1 day}", "it belongs to wait_until steps"),
    ],
)
def test_a_key_of_another_kind_of_step_is_told_with_the_kinds_that_know_it(
    tmp_path: Path, step: str, hint: str
) -> None:
    problems = problems_of(tmp_path, {FLOW: WORKFLOW.replace("- wait: 2 days", f"- {step}")})

    assert [problem.hint for problem in problems if problem.code == "unknown-key"] == [hint]


@pytest.mark.parametrize(
    ("trigger", "hint"),
    [
        ("segment", "write segment NAME"),
        ("lost", "write lost WORKFLOW/STAGE"),
        ("date", "write date contact.FIELD - 90 days"),
        ("date contact.renewal_on - 3 hours", "write contact.FIELD - 90 days"),
        ("sale.closed, offer.requested", "only a wait takes several: elsewhere write the one that counts"),
    ],
)
def test_a_trigger_cut_short_is_told_how_it_is_written(tmp_path: Path, trigger: str, hint: str) -> None:
    old = 'trigger: offer.requested where event.offer == "guide"'

    problems = problems_of(tmp_path, {FLOW: WORKFLOW.replace(old, f"trigger: {trigger}")})

    assert [problem.hint for problem in problems if problem.place.line == 9] == [hint]


@pytest.mark.parametrize(
    ("slip", "expected"),
    [
        ("need: The #1 thing", "maybe-cut"),
        ("need: Reach #me", "maybe-cut"),
        ("need: Where I stand   # as they say it", None),
        ("need: Where I stand # as they say it", None),
        ("need: 'The #1 thing'", None),
    ],
)
def test_a_comment_that_looks_like_part_of_the_text_is_a_warning(
    tmp_path: Path, slip: str, expected: str | None
) -> None:
    problems = problems_of(tmp_path, {FLOW: WORKFLOW.replace("need: Know where I stand", slip)})

    assert [problem.code for problem in problems] == ([expected] if expected else [])


def test_a_file_that_cannot_be_read_is_blamed_and_not_those_who_name_it(tmp_path: Path) -> None:
    broken: dict[str, str | None] = {
        "offers/guide.yaml": "offer: guide\nkind: [",
        "personas/ana.yaml": "persona: ana\nwho: contact.age >",
    }

    assert told(problems_of(tmp_path, broken)) == [
        "offers/guide.yaml:2:8: bad-yaml",
        "personas/ana.yaml:2:19: bad-expression",
    ]


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("workflows/old.yml", WORKFLOW, "workflows/old.yml:1:1: ignored-file"),
        ("workflows/notes.txt", "x", "workflows/notes.txt:1:1: ignored-file"),
        ("workflows/more/a.yaml", WORKFLOW, "workflows/more:1:1: ignored-file"),
        ("workflow/a.yaml", WORKFLOW, "workflow:1:1: ignored-file"),
        ("a.yaml", WORKFLOW, "a.yaml:1:1: ignored-file"),
        ("workflows/offer.yaml", FILES["offers/guide.yaml"], "workflows/offer.yaml:1:1: wrong-folder"),
        ("offers/flow.yaml", WORKFLOW, "offers/flow.yaml:1:1: wrong-folder"),
        ("templates/email/news.mjml", "x", "templates/email/news.mjml:1:1: ignored-file"),
        ("templates/email/welcome.html", "<p>x</p>", "templates/email/welcome.html:1:1: ignored-file"),
        ("templates/mail/news.md", "x", "templates/mail:1:1: ignored-file"),
        ("templates/news.md", "x", "templates/news.md:1:1: ignored-file"),
        ("templates/call/bye.md", "x", "templates/call/bye.md:1:1: ignored-file"),
        ("templates/call/bye.txt", "x", "templates/call/bye.txt:1:1: unused-template"),
        ("docker-compose.yml", "services: {}", None),
        ("workflows/README.md", "x", None),
        ("workflows/.draft.yaml.swp", "x", None),
        ("workflows/._checkup.yaml", "\x00\x05\x16\x07", None),
        ("workflows/.checkup.yaml", WORKFLOW, None),
        ("scenarios/._guide.yaml", "\x00", None),
        ("templates/email/._welcome.md", "\x00", None),
        ("templates/email/.old/welcome.md", "x", None),
    ],
)
def test_what_nobody_reads_is_told_when_it_was_surely_meant_to_be_read(
    tmp_path: Path, file: str, text: str, expected: str | None
) -> None:
    assert told(problems_of(tmp_path, {file: text})) == ([expected] if expected else [])


def test_the_lock_that_an_editor_puts_beside_an_open_file_is_no_broken_link(tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / ".#checkup.yaml").symlink_to("sam@desk.4711")

    assert told(problems_of(tmp_path, {})) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b"\xef\xbb\xbf" + WORKFLOW.encode(), []),
        (WORKFLOW.replace("\n", "\r\n").encode(), []),
        (WORKFLOW.replace("\n", "\r").encode(), []),
        (WORKFLOW.encode("utf-16"), ["1:1: bad-yaml"]),
        (b"", ["1:1: bad-yaml"]),
        (b"\x00" * 100, ["1:1: bad-yaml"]),
        (b"a: " + b"x" * 2_000_000, ["1:1: bad-yaml"]),
        (b"[" * 10_000, ["1:41: bad-yaml"]),
        (b"a: &a [*a]\n", ["1:8: bad-yaml"]),
    ],
    ids=["bom", "windows", "old mac", "utf-16", "empty", "zeros", "huge", "deep", "cycle"],
)
def test_no_encoding_size_or_shape_of_a_file_is_too_much(
    tmp_path: Path, source: bytes, expected: list[str]
) -> None:
    project = write(tmp_path, {})
    (project / FLOW).write_bytes(source)

    errors = check(project).errors

    assert [one.removeprefix(f"{FLOW}:") for one in told(list(errors))] == expected


def test_links_that_lead_nowhere_or_in_a_circle_are_told(tmp_path: Path) -> None:
    project = write(tmp_path, {})
    (project / "workflows/gone.yaml").symlink_to("nowhere.yaml")
    (project / "offers/circle.yaml").symlink_to("circle.yaml")
    (project / "templates/email/again").symlink_to(project / "templates")

    assert told(list(check(project).problems)) == [
        "offers/circle.yaml:1:1: unreadable-file",
        "workflows/gone.yaml:1:1: unreadable-file",
    ]


def test_a_template_that_is_a_link_out_of_the_project_is_neither_checked_as_sound_nor_published(
    tmp_path: Path,
) -> None:
    project = write(tmp_path / "project", {})
    elsewhere = tmp_path / "secret.md"
    elsewhere.write_bytes((project / "templates/email/welcome.md").read_bytes())
    (project / "templates/email/welcome.md").unlink()
    (project / "templates/email/welcome.md").symlink_to(elsewhere)

    assert told(list(check(project).errors)) == ["templates/email/welcome.md:1:1: unreadable-file"]
    with pytest.raises(NurtureError, match=r"welcome\.md is a link out of the project"):
        project_files(project)


def test_an_asset_that_is_a_link_out_of_its_folder_is_not_handed_out(tmp_path: Path) -> None:
    project = write(tmp_path, {"assets/guide.pdf": None})
    (project / "assets").mkdir(exist_ok=True)
    (project / "assets/guide.pdf").symlink_to(project / "nurture.toml")

    assert told(list(check(project).problems)) == ["offers/guide.yaml:4:8: unsafe-asset"]


SCENARIO = """\
scenario: Who asks is welcomed
workflow: checkup
as: ana
start: 2026-03-02 09:00
events:
  - {at: start, event: offer.requested, offer: guide}
expect:
  - {email: welcome, at: +0 minutes}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("workflow: checkup", "workflow: chekup", ["2:11: unknown-workflow"]),
        ("as: ana", "as: anna", ["3:5: unknown-persona"]),
        ("email: welcome", "email: welcom", ["8:13: never-happens"]),
        ("email: welcome", "emial: welcome", ["8:6: unknown-key"]),
        ("at: start", "at: +2 parsecs", ["6:13: bad-time"]),
        ("checkup\nas: ana", "chekup\nas: anna", ["2:11: unknown-workflow", "3:5: unknown-persona"]),
        ("welcome, at: +0 minutes", "welcom, at: soon", ["8:13: never-happens", "8:25: bad-time"]),
        ("offer.requested, offer: guide", "offer.requestd, offer: guide", ["6:24: unknown-event"]),
    ],
)  # fmt: skip
def test_a_slip_in_a_scenario_is_told_like_any_other(
    tmp_path: Path, old: str, new: str, expected: list[str]
) -> None:
    assert old in SCENARIO

    problems = problems_of(tmp_path, {"scenarios/a.yaml": SCENARIO.replace(old, new)})

    assert [one.removeprefix("scenarios/a.yaml:") for one in told(problems)] == expected


def test_two_scenarios_of_one_name_are_a_warning_and_stop_nobody(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, {"scenarios/a.yaml": SCENARIO, "scenarios/b.yaml": SCENARIO})

    assert told(problems) == ["scenarios/b.yaml:1:11: duplicate-name"]
    assert [problem.severity for problem in problems] == [Severity.WARNING]


def test_a_scenario_is_not_blamed_for_what_its_workflow_lacks_while_that_is_broken(tmp_path: Path) -> None:
    broken = WORKFLOW.replace("- email: welcome", "- emial: welcome")

    problems = problems_of(tmp_path, {"scenarios/a.yaml": SCENARIO, FLOW: broken})

    assert told(problems) == [f"{FLOW}:12:9: unknown-step"]
