"""Measures sign-ins per second, and how long other requests to the auth service take at the same time.

We compare the sign-ins with code that only computes the password hashes, without HTTP and database. While this code
runs, we send requests to the baseline program, a minimal program that answers them without any work. We compare its
response times with those of the other requests to the auth service.
"""

import asyncio
import json
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher

from benchmarks.bench import Bench
from benchmarks.client import Connection
from benchmarks.figures import Row, Target, percentile
from benchmarks.generators import Load, Outcome

_CONNECTIONS = 16
_OTHERS_PER_SECOND = 50.0
_FIRST_ESTIMATE = 60.0
"""The password hashes per second that we expect in the first round. Later rounds use the number of the round before.

From this number, we estimate how long the sign-ins of a round take. During this time, we also send requests that are
not sign-ins.
"""


async def measure(bench: Bench) -> list[Row]:
    count = bench.size(300, 20)
    credentials = {"email": f"{secrets.token_hex(8)}@example.com", "password": "correct horse battery"}
    connection = Connection(bench.port("auth"))
    await connection.ask_json("POST", "/api/users/signup", body=credentials)
    connection.close()
    bodies = [json.dumps(credentials)] * count
    sign_ins = Load(bench.port("auth"), "POST", "/api/users/signin", bodies, connections=_CONNECTIONS)
    rounds: list[float] = []
    baselines: list[float] = []
    waits: list[float] = []
    bare_waits: list[float] = []
    for number in range(bench.rounds):
        bench.progress(f"round {number + 1} of {bench.rounds}")
        seconds = count / (baselines or [_FIRST_ESTIMATE])[-1]
        baseline, meanwhile = await asyncio.gather(
            asyncio.to_thread(_hashes_per_second, credentials["password"], count),
            _others(bench, bench.baseline.port, "/nothing", seconds).run(),
        )
        baselines.append(baseline)
        bare_waits.append(_p99(meanwhile))
        outcome, meanwhile = await asyncio.gather(
            sign_ins.run(), _others(bench, bench.port("auth"), "/api/users/currentuser", seconds).run()
        )
        outcome.require(200)
        meanwhile.require(200)
        rounds.append(count / (outcome.ended - outcome.began))
        waits.append(_p99(meanwhile))
    return [
        Row("sign-in", "sign-ins/s", rounds, baselines, Target("at least 0.9 of the hash alone", at_least=0.9)),
        Row("currentuser meanwhile, p99", "ms", waits, bare_waits, Target("at most 20 ms", "median", at_most=20)),
    ]


def _others(bench: Bench, port: int, path: str, seconds: float) -> Load:
    requests = [""] * (int(seconds * _OTHERS_PER_SECOND) or 1)
    return Load(port, "GET", path, requests, [bench.new_token()], connections=8, rate=_OTHERS_PER_SECOND)


def _p99(outcome: Outcome) -> float:
    return percentile([answer.seconds * 1000 for answer in outcome.answers], 99)


def _hashes_per_second(password: str, count: int) -> float:
    """Return how many passwords per second this machine can verify, with one thread per core.

    The hash has the same parameters as in auth.passwords.
    """
    hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
    known = hasher.hash(password)
    began = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(lambda _: hasher.verify(known, password), range(count)))
    return count / (time.monotonic() - began)
