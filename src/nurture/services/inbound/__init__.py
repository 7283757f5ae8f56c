"""What comes back about our messages is noted once, and takes effect: bounces, complaints, and people who answer.

Start reading at `take`. What a message is was judged before (`channels.inbound`); here it is asked which message of ours it
is about (`match`), and what follows (`take`, `soft`). What is about no message of ours changes nothing.
"""

from nurture.services.inbound.arrivals import Arrival, arrival_of
from nurture.services.inbound.take import Became, Taken, forget_old, take, take_all, take_within

__all__ = ["Arrival", "Became", "Taken", "arrival_of", "forget_old", "take", "take_all", "take_within"]
