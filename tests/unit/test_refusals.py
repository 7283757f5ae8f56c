"""A refusal of us is put down to whoever it came from: the mail server, or one domain behind it."""

from __future__ import annotations

from nurture.channels.base import Accepted, Deferred, Outcome, RefusedUs
from nurture.channels.replies import Reply, Stage, classify
from nurture.services.sending.refusals import Verdict, judge

OF_DOMAIN = RefusedUs(421, "4.7.0", "too much from you", of_recipient=True)
OF_SERVER = RefusedUs(421, "4.3.2", "down")
TAKEN = Accepted(250)


def said(*answers: tuple[str, Outcome]) -> Verdict:
    return judge(answers)


def test_a_domain_that_refuses_us_rests_alone_while_others_take_our_mail() -> None:
    verdict = said(("a.example", OF_DOMAIN), ("b.example", TAKEN), ("a.example", OF_DOMAIN))

    assert verdict.server is None
    assert verdict.domains == {"a.example": str(OF_DOMAIN)}
    assert verdict.taken == {"b.example"}


def test_one_domain_alone_says_nothing_of_the_server() -> None:
    assert said(("a.example", OF_DOMAIN), ("a.example", OF_DOMAIN)).server is None


def test_several_domains_refused_and_none_taken_is_the_server() -> None:
    verdict = said(("a.example", OF_DOMAIN), ("b.example", OF_DOMAIN), ("c.example", Deferred(450)))

    assert verdict.server == OF_DOMAIN
    assert verdict.domains == {}


def test_domains_that_had_refused_us_before_say_nothing_new_of_the_server() -> None:
    answers = [("a.example", OF_DOMAIN), ("b.example", OF_DOMAIN), ("c.example", OF_DOMAIN)]

    assert judge(answers, {"a.example", "b.example"}).domains.keys() == {
        "a.example",
        "b.example",
        "c.example",
    }
    assert judge(answers, {"a.example"}).server == OF_DOMAIN


def test_a_refusal_before_any_message_is_the_servers() -> None:
    assert said(("a.example", OF_SERVER)).server == OF_SERVER
    assert said(("a.example", OF_SERVER), ("b.example", TAKEN)).server is None


def test_a_domain_that_takes_one_and_refuses_another_does_not_rest() -> None:
    assert said(("a.example", TAKEN), ("a.example", OF_DOMAIN)).domains == {}


def test_where_in_the_dialogue_it_was_said_tells_of_whom() -> None:
    busy = Reply(421, ("4.7.0 try later",))

    of_domain = {
        stage: outcome.of_recipient
        for stage in Stage
        if isinstance(outcome := classify(stage, busy), RefusedUs)
    }

    assert {stage for stage, it in of_domain.items() if it} == {Stage.RCPT, Stage.DATA, Stage.END}
    log_in = classify(Stage.RCPT, Reply(530, ("5.7.0 authentication required",)))
    assert isinstance(log_in, RefusedUs)
    assert not log_in.of_recipient
