"""The project of the tests about one contact's path: a guide is asked for, downloaded, and a sale follows or not."""

from __future__ import annotations

from pathlib import Path

from tests.support.running import LINKED, Running, a_nurture

GUIDED = """\
    workflow: guided
    title: From the guide to a sale
    purpose: nurture
    calendar: business
    stages:
      - stage: lead-offer
        need: Know whether I am on track
        trigger: offer.requested where event.offer == "guide"
        validate: offer.downloaded where event.offer == "guide"
        steps:
          - {email: delivery, link_offer: guide, purpose: transactional}
          - {email: reminder, after: 2 days}
        loss:
          - {after: 30 days, reason: never-downloaded}
      - stage: first-sale
        need: See what a plan would change
        validate: sale.closed
        steps:
          - {email: story, after: 1 day}
          - {call_task: ring, after: 1 day, assign: round-robin sales}
          - {email: last-word, after: 3 days}
        loss:
          - {on: sale.refunded, reason: refunded}
          - {after: 60 days, reason: timed-out}
      - stage: onboarding
        need: Feel I chose well
        validate: a.happened
        steps:
          - {email: welcome, after: 1 hour}
        loss:
          - {after: 30 days, reason: never-onboarded}
"""
GUIDE = """\
    offer: guide
    kind: download
    title: The guide
    promise: Know in ten minutes
    asset: guide.pdf
    fields: [email, first_name]
    consent: {purpose: nurture, channels: [email], wording: "Yes, send me tips.", version: 2026-11}
"""
MAILS = ("reminder", "story", "last-word", "welcome")


def a_guided_nurture(database_url: str, folder: Path) -> Running:
    """Everything is published; nobody is there yet."""
    running = a_nurture(database_url, folder, mails=MAILS)
    running.write("templates/email/delivery.md", LINKED.format(name="delivery"))
    running.write("templates/call/ring.txt", "Call {{ contact.first_name or 'them' }}.\n")
    running.write("assets/guide.pdf", "%PDF-1.4 the guide")
    running.write("offers/guide.yaml", GUIDE)
    running.write("workflows/guided.yaml", GUIDED)
    running.publish()
    return running
