"""What comes back about our messages: bounces, complaints, automatic answers and people who write.

Pure: bytes in, a `Report` out. No mailbox is opened here, nothing is looked up and nothing recorded.

Start reading at `classify`, then `verdict` (is this address dead?). No bounce library stands below it. The best known
one, flufl.bounce, tells permanent from temporary only, and by the format alone: of the messages that these files do
not understand it recognises next to none, and it calls full mailboxes and refusals of us permanent.
"""

from __future__ import annotations

from nurture.channels.inbound.classify import classify
from nurture.channels.inbound.report import Kind, Recipient, Report

__all__ = ["Kind", "Recipient", "Report", "classify"]
