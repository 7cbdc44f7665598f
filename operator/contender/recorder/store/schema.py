"""The tables, and how a store of an older version becomes one of this version."""

# ruff: noqa: S608 - only names of ours are put into SQL; values never are
from collections.abc import Mapping, Sequence

from contender.recorder.model import (
    Answer,
    Caller,
    Feedback,
    Handle,
    HourKey,
    KeyedFeedback,
    Look,
    StatisticKey,
)
from contender.recorder.store.base import StoreError
from contender.recorder.store.connection import Connection, Table

ANSWERS = Table("answers", (*Answer._fields, "size"), 3)
HANDLES = Table("handles", Handle._fields, len(Handle._fields))
FEEDBACK = Table("feedback", Feedback._fields, 4)
WAITING = Table("waiting", KeyedFeedback._fields, 4)
STATISTICS = Table("statistics", (*StatisticKey._fields, "data", "changed"), 9)
HOURS = Table("hours", (*HourKey._fields, "data"), 6)
EXPECTED = Table("expected", ("stratum", "arm"), 2)
COUNTERS = Table("counters", ("endpoint", "name", "value"), 2)
LOOKS = Table("looks", Look._fields, 3)
CALLERS = Table("callers", Caller._fields, 4, keeps=True)

CHANGE, SWEPT = "change", "swept"
"""Marks: the greatest number of a change of statistics; feedback that came before this moment
belongs to an answer."""
NOT_BEFORE = "since/"
"""Counter that is none: rows of requests before this moment (microseconds since 1970) were counted
by a version that knew no coverage."""

# In braces what the two databases call differently. What is published is never changed: append.
MIGRATIONS: Sequence[tuple[int, Sequence[str]]] = (
    (
        1,
        (
            """CREATE TABLE marks (name {text} PRIMARY KEY, value {int} NOT NULL)""",
            f"INSERT INTO marks VALUES ('{CHANGE}', 0), ('{SWEPT}', 0)",
            """CREATE TABLE endpoints (
                number {number},
                uid {text} NOT NULL UNIQUE,
                namespace {text} NOT NULL,
                name {text} NOT NULL,
                retention_seconds {int} NOT NULL,
                retention_bytes {int} NOT NULL,
                gone_at {int},
                used {int} NOT NULL DEFAULT 0
            )""",
            """CREATE TABLE strata (
                number {number},
                endpoint {int} NOT NULL,
                experiment {text} NOT NULL,
                epoch {text} NOT NULL,
                arm {text} NOT NULL,
                copy {int} NOT NULL,
                version {text} NOT NULL,
                revision {text} NOT NULL,
                share {int} NOT NULL,
                expects {text} NOT NULL,
                eligible {int} NOT NULL,
                candidates {text} NOT NULL,
                UNIQUE (
                    endpoint, experiment, epoch, arm, copy, version, revision, share, expects,
                    eligible, candidates
                )
            )""",
            """CREATE TABLE expected (
                stratum {int} NOT NULL,
                arm {text} NOT NULL,
                PRIMARY KEY (stratum, arm)
            ) {clustered}""",
            """CREATE TABLE answers (
                endpoint {int} NOT NULL,
                prediction {bytes} NOT NULL,
                arm {text} NOT NULL,
                stratum {int} NOT NULL,
                time {int} NOT NULL,
                code {small} NOT NULL,
                outcome {small} NOT NULL,
                latency {int} NOT NULL,
                rows {int} NOT NULL,
                unread {small} NOT NULL,
                size {int} NOT NULL,
                outputs {bytes},
                entities {bytes},
                request {bytes},
                response {bytes},
                UNIQUE (endpoint, prediction, arm)
            )""",
            "CREATE INDEX answers_by_time ON answers (endpoint, time, prediction)",
            """CREATE TABLE handles (
                endpoint {int} NOT NULL,
                kind {small} NOT NULL,
                handle {bytes} NOT NULL,
                time {int} NOT NULL,
                prediction {bytes} NOT NULL,
                row {int} NOT NULL,
                PRIMARY KEY (endpoint, kind, handle, time, prediction, row)
            ) {clustered}""",
            "CREATE INDEX handles_by_time ON handles (endpoint, time, prediction)",
            """CREATE TABLE feedback (
                endpoint {int} NOT NULL,
                prediction {bytes} NOT NULL,
                row {int} NOT NULL,
                name {text} NOT NULL,
                value {text} NOT NULL,
                at {int} NOT NULL,
                received {int} NOT NULL,
                judge {text} NOT NULL,
                PRIMARY KEY (endpoint, prediction, row, name)
            ) {clustered}""",
            "CREATE INDEX feedback_by_arrival ON feedback (received)",
            """CREATE TABLE waiting (
                endpoint {int} NOT NULL,
                key {bytes} NOT NULL,
                time {int} NOT NULL,
                name {text} NOT NULL,
                value {text} NOT NULL,
                at {int} NOT NULL,
                received {int} NOT NULL,
                PRIMARY KEY (endpoint, key, time, name)
            ) {clustered}""",
            "CREATE INDEX waiting_by_arrival ON waiting (received)",
            """CREATE TABLE statistics (
                endpoint {int} NOT NULL,
                experiment {text} NOT NULL,
                epoch {text} NOT NULL,
                arm {text} NOT NULL,
                kind {text} NOT NULL,
                feedback {text} NOT NULL,
                loss {text} NOT NULL,
                segment {text} NOT NULL,
                judge {text} NOT NULL,
                data {bytes} NOT NULL,
                changed {int} NOT NULL,
                PRIMARY KEY (
                    endpoint, experiment, epoch, arm, kind, feedback, loss, segment, judge
                )
            )""",
            "CREATE INDEX statistics_by_change ON statistics (changed)",
            """CREATE TABLE hours (
                endpoint {int} NOT NULL,
                hour {int} NOT NULL,
                version {text} NOT NULL,
                arm {text} NOT NULL,
                metric {text} NOT NULL,
                part {text} NOT NULL,
                data {bytes} NOT NULL,
                PRIMARY KEY (endpoint, hour, version, arm, metric, part)
            )""",
            """CREATE TABLE counters (
                endpoint {int} NOT NULL,
                name {text} NOT NULL,
                value {int} NOT NULL,
                PRIMARY KEY (endpoint, name)
            ) {clustered}""",
        ),
    ),
    (
        2,
        (
            """CREATE TABLE looks (
                experiment {text} NOT NULL,
                number {int} NOT NULL,
                endpoint {int} NOT NULL,
                at {int} NOT NULL,
                total {int} NOT NULL,
                data {bytes} NOT NULL,
                PRIMARY KEY (experiment, number, endpoint)
            )""",
            "CREATE INDEX looks_by_endpoint ON looks (endpoint, experiment, number)",
            """CREATE TABLE verdicts (
                experiment {text} PRIMARY KEY,
                endpoint {int},
                at {int} NOT NULL,
                data {bytes} NOT NULL
            )""",
            "CREATE INDEX verdicts_by_endpoint ON verdicts (endpoint)",
            f"""INSERT INTO counters (endpoint, name, value)
                SELECT its.number, '{NOT_BEFORE}',
                    (SELECT max(one.time) + 1 FROM answers one WHERE one.endpoint = its.number)
                FROM endpoints its
                WHERE EXISTS (SELECT 1 FROM answers one WHERE one.endpoint = its.number)""",
        ),
    ),
    (
        3,
        (
            "ALTER TABLE answers ADD COLUMN segments {bytes}",
            """CREATE TABLE callers (
                endpoint {int} NOT NULL,
                experiment {text} NOT NULL,
                epoch {text} NOT NULL,
                caller {bytes} NOT NULL,
                arm {text} NOT NULL,
                share {small} NOT NULL,
                time {int} NOT NULL,
                PRIMARY KEY (endpoint, experiment, epoch, caller)
            ) {clustered}""",
        ),
    ),
)
VERSION = MIGRATIONS[-1][0]


def migrate(connection: Connection, words: Mapping[str, str]) -> None:
    """Bring the tables up to date, or make them.

    Args:
        connection: the writer's.
        words: what the database calls `int`, `small`, `text`, `bytes`, `number` (a primary key
            that counts by itself and never gives a number twice) and `clustered` (a table that lies
            in the order of its primary key).

    Raises:
        StoreError: a newer version made the store.
    """
    with connection.transaction():
        connection.run("CREATE TABLE IF NOT EXISTS contender_schema (version INTEGER NOT NULL)")
        found = connection.rows("SELECT version FROM contender_schema")
        present = found[0][0] if found else 0
        if present > VERSION:
            raise StoreError(
                f"{connection.where} was written by a newer version of Contender: its tables have "
                f"version {present}, and this one knows them up to {VERSION}. Run the newer "
                "version again, or name another store"
            )
        for number, statements in MIGRATIONS:
            if number > present:
                for statement in statements:
                    connection.run(statement.format_map(words))
        if not found:
            connection.run("INSERT INTO contender_schema VALUES (?)", [VERSION])
        elif present < VERSION:
            connection.run("UPDATE contender_schema SET version = ?", [VERSION])
