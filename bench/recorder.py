"""What the recorder costs: answers stored a second on one core, too many of them, statistics."""

import asyncio
import tempfile
import time
from array import array
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg

from bench.api import Json
from bench.entries import BODY_BYTES
from bench.life import percentile
from bench.process import on_cores, split_cores
from bench.recording import Recorder, Sample, recording
from bench.sender import Order, sending
from contender.recorder.model import Batch
from dev.postgres import Postgres
from tests.recorder.books import Books
from tests.recorder.told import Call, stamp

POLL_SECONDS = 0.1
PATIENCE = 60.0
OVERLOAD = 3
READS = 50
STEPS = 5
MEASURED_PAIRS = 10_000
PAIRS = 10_000_000


async def recorder(*, quick: bool = False) -> Json:
    """Measure; return the figures."""
    count = 20_000 if quick else 200_000
    ours, others = split_cores()
    found: Json = {"count": count, "cores": len(ours | others)}
    with on_cores(others):
        found["sqlite"] = {kind: await _in_sqlite(ours, kind, count) for kind in ("alone", "pairs")}
        found["postgres"] = {
            kind: await _in_postgres(ours, kind, count) for kind in ("alone", "pairs")
        }
        rate = OVERLOAD * found["sqlite"]["alone"]["perSecond"]
        found["overload"] = await _overloaded(ours, rate, 10 if quick else 60)
        found["statistics"] = await _statistics(ours, 500 if quick else MEASURED_PAIRS)
    return found


async def _in_sqlite(cores: set[int], kind: str, count: int) -> Json:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "recorder.sqlite")
        async with recording(str(store), cores) as recorder:
            found = await _stored(recorder, kind, count)
        size = sum(file.stat().st_size for file in Path(folder).iterdir())
        return {**found, **_on_disk(kind, size, found["stored"])}


async def _in_postgres(cores: set[int], kind: str, count: int) -> Json:
    """Measure the same with a server of its own, which runs on the other cores."""
    with Postgres() as server:
        async with recording(server.dsn, cores) as recorder:
            found = await _stored(recorder, kind, count)
        with psycopg.connect(server.dsn) as connection:
            row = connection.execute(
                "SELECT sum(pg_total_relation_size(oid)) FROM pg_class "
                "WHERE relnamespace = 'contender'::regnamespace AND relkind = 'r'"
            ).fetchone()
        assert row
        return {**found, **_on_disk(kind, int(row[0]), found["stored"])}


def _on_disk(kind: str, size: int, records: int) -> Json:
    return {"bytesPerRecord": size / records, "bodyBytesPerRecord": BODY_BYTES[kind]}


async def _stored(recorder: Recorder, kind: str, count: int) -> Json:
    """Have it store as many answers as it can; none is dropped."""
    samples: list[Sample] = []
    with sending(Order(recorder.stream_port, kind == "pairs", count=count)) as sender:
        sent = 0
        async for sample in _watch(recorder):
            samples.append(sample)
            sender.tell_stored(sample.stored)
            if result := sender.result():
                sent = result[0]
            if sent and sample.stored + sample.dropped + sample.other >= sent:
                break
    assert samples[-1].stored == sent, samples[-1]
    begun = next(one for one in samples if one.stored)
    stored, took = sent - begun.stored, samples[-1].at - begun.at
    cpu = samples[-1].cpu - begun.cpu
    return {
        "stored": sent,
        "perSecond": stored / took,
        "cpuMicrosPerRecord": cpu / stored * 1e6,
        "busy": cpu / took,
        "peakMb": recorder.peak(),
    }


async def _watch(recorder: Recorder) -> AsyncIterator[Sample]:
    """Look again and again, as long as something happens."""
    last, changed = None, time.monotonic()
    while True:
        recorder.check()
        sample = await recorder.sample()
        now = (sample.stored, sample.dropped, sample.other, sample.waiting)
        if now != last:
            last, changed = now, time.monotonic()
        assert time.monotonic() < changed + PATIENCE, f"nothing happens any more: {sample}"
        yield sample
        await asyncio.sleep(POLL_SECONDS)


async def _overloaded(cores: set[int], rate: float, seconds: float) -> Json:
    """Send more than it can store; each answer is stored or counted as dropped."""
    with tempfile.TemporaryDirectory() as folder:
        async with recording(str(Path(folder, "recorder.sqlite")), cores) as recorder:
            samples: list[Sample] = []
            sent, took, settled = 0, 0.0, 0.0
            with sending(Order(recorder.stream_port, pairs=False, rate=rate, seconds=seconds)) as (
                sender
            ):
                async for sample in _watch(recorder):
                    samples.append(sample)
                    if not sent:
                        sent, took = sender.result() or (0, 0.0)
                        settled = time.monotonic() + 10
                        continue
                    # What is told too much must be seen, too.
                    known = sample.stored + sample.dropped + sample.other
                    if not sample.waiting and (known >= sent or time.monotonic() > settled):
                        break
            peak = recorder.peak()
    last = samples[-1]
    begun = next(one for one in samples if one.stored)
    during = [one for one in samples if one.at <= begun.at + took]
    return {
        "seconds": took,
        "wantedPerSecond": rate,
        "sentPerSecond": sent / took,
        "storedPerSecond": (during[-1].stored - begun.stored) / (during[-1].at - begun.at),
        "sent": sent,
        "stored": last.stored,
        "dropped": last.dropped,
        "other": last.other,
        "peakMb": peak,
        "slowestMetricsMs": max(one.took for one in during) * 1000,
    }


async def _statistics(cores: set[int], measured: int) -> Json:
    """Read the statistics of an experiment with 10 million pairs, each with its truth.

    A part of the pairs is really measured, in several steps; then all sums are multiplied. Sums
    only ever add up, so these are the very sums of as many times the same pairs; and however many
    pairs there were, they are as many rows of as many numbers.
    """
    with tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread(_fill, Path(folder), measured)
        async with recording(str(Path(folder, "recorder.sqlite")), cores) as recorder:
            answer = await recorder.statistics("uid-1")
            taken = []
            for _ in range(READS):
                start = time.perf_counter()
                again = await recorder.statistics("uid-1")
                taken.append(time.perf_counter() - start)
                assert again == answer
    return {
        "pairs": PAIRS,
        "steps": STEPS,
        "answerBytes": len(answer),
        "p50Ms": percentile(taken, 50),
        "maxMs": max(taken) * 1000,
    }


def _fill(folder: Path, measured: int) -> None:
    books = Books(folder)
    for step in range(STEPS):
        calls = [Call(trial=stamp(epoch=f"step-{step}")) for _ in range(measured // STEPS)]
        served = [one.answered([{"label": 1, "p": 0.75}]) for one in calls]
        copies = [
            one.copied([{"label": number % 2, "p": 0.5 + number % 2 / 4}])
            for number, one in enumerate(calls)
        ]
        books.take(*served, *copies)
        told = [
            {"id": one.id, "name": name, "value": value}
            for one in calls
            for name, value in (("churned", 1), ("gain", 2.5))
        ]
        verdicts = books.send(*told)
        assert all(one.status < 300 for one in verdicts), verdicts[0]
    times = PAIRS / measured
    scaled = {
        key: array("d", [times * one for one in array("d", data)]).tobytes()
        for key, data, _ in books.store.statistics()
    }
    books.store.write(Batch(statistics=scaled, changed=books.store.last_change() + 1))
    assert books.counts(epoch="step-0")["complete"] == PAIRS / STEPS
    books.store.close()
