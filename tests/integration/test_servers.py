"""Do the tests really run against real servers, each with a database of its own?"""

from __future__ import annotations

import redis
from sqlalchemy import create_engine, inspect, text


def test_each_test_gets_a_database_with_our_tables_and_nobody_elses_rows(any_database: str) -> None:
    engine = create_engine(any_database)

    with engine.begin() as connection:
        tables = inspect(connection).get_table_names()
        contacts = connection.execute(text("SELECT count(*) FROM contacts")).scalar_one()
    engine.dispose()

    assert "contacts" in tables
    assert contacts == 0


def test_an_empty_database_has_no_tables(any_empty_database: str) -> None:
    engine = create_engine(any_empty_database)

    tables = inspect(engine).get_table_names()
    engine.dispose()

    assert tables == []


def test_the_postgres_of_the_tests_is_a_real_one(postgres_url: str) -> None:
    engine = create_engine(postgres_url)

    with engine.connect() as connection:
        version = str(connection.execute(text("SELECT version()")).scalar_one())
    engine.dispose()

    assert version.startswith("PostgreSQL ")


def test_the_broker_of_the_tests_is_a_real_one_and_starts_empty(valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url) as client:
        client.set("left", "over")
        version = client.info("server")["redis_version"]

        client.flushall()
        keys = client.keys()

    assert version
    assert keys == []
