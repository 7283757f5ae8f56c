"""The clock on the wall: once a second it looks whether something is due, and rings for a worker if so.

It decides nothing and sends nothing. Several may run: one leads, the others wait to take over.
"""

from __future__ import annotations

import threading
from datetime import UTC, timedelta
from math import ceil

import structlog
from apscheduler.job import Job
from apscheduler.schedulers.background import BackgroundScheduler

from nurture.model.clock import system_time
from nurture.workers.actors import DELIVERIES_PER_BATCH, TURNS_PER_BATCH
from nurture.workers.broker import DELIVERIES, HOUSEKEEPING, TURNS, WEBHOOKS, Doorbells
from nurture.workers.logs import DATABASE_ERRORS, Outage
from nurture.workers.work import Work
from nurture.workers.worker import process_name

SCAN = timedelta(seconds=1)
SWEEP = timedelta(seconds=5)
LEASE = timedelta(seconds=5)  # a dead leader is replaced after this long
BEAT_EVERY = 10  # scans

log = structlog.get_logger()


class Ticks:
    """The two recurring jobs. Broker and database may go away and come back."""

    def __init__(self, work: Work, broker: Doorbells) -> None:
        self._work = work
        self._broker = broker
        self._name = process_name("scheduler")
        self._database = Outage("database", DATABASE_ERRORS)
        self._scans = 0
        self._leads = False

    def scan(self) -> None:
        """Ring as often as there are batches due, when this process leads."""
        with self._database:
            if self._scans % BEAT_EVERY == 0:
                self._work.beat(self._name)
            self._scans += 1
            if not self._lead():
                return
            due = self._work.due()
            self._broker.ring(TURNS, ceil(due.turns / TURNS_PER_BATCH))
            self._broker.ring(DELIVERIES, ceil(due.deliveries / DELIVERIES_PER_BATCH))
            self._broker.ring(WEBHOOKS, due.webhooks)

    def sweep(self) -> None:
        """Ring for the housekeeping, when this process leads."""
        if self._leads:
            self._broker.ring(HOUSEKEEPING)

    def _lead(self) -> bool:
        leads = self._work.lead("ticks", self._name, LEASE)
        if leads and not self._leads:
            log.info("scheduler leads", name=self._name)
        self._leads = leads
        return leads


def run_scheduler(work: Work, broker: Doorbells, stopping: threading.Event) -> None:
    """Tick until ``stopping`` is set."""
    ticks = Ticks(work, broker)
    scheduler = BackgroundScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    now = system_time()
    jobs = [
        (scheduler.add_job(ticks.scan, "interval", seconds=SCAN.total_seconds(), next_run_time=now), SCAN),
        (scheduler.add_job(ticks.sweep, "interval", seconds=SWEEP.total_seconds()), SWEEP),
    ]
    scheduler.start()
    log.info("scheduler ready", name=process_name("scheduler"))
    while not stopping.wait(SCAN.total_seconds()):
        for job, interval in jobs:
            wake_if_the_clock_went_back(job, interval)
    scheduler.shutdown(wait=True)
    log.info("scheduler stopped", name=process_name("scheduler"))


def wake_if_the_clock_went_back(job: Job, interval: timedelta) -> None:
    """A clock set back by an hour would silence a job for that hour."""
    now = system_time()
    if job.next_run_time is not None and job.next_run_time - now > 2 * interval:
        job.modify(next_run_time=now)
