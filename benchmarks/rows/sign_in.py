"""Sign-ins a second beside the bare password hash on the same cores; and what others wait at auth meanwhile."""

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
from benchmarks.generators import Load

_CONNECTIONS = 16
_OTHERS_A_SECOND = 50.0


async def measure(bench: Bench) -> list[Row]:
    count = bench.size(300, 20)
    credentials = {"email": f"{secrets.token_hex(8)}@example.com", "password": "correct horse battery"}
    connection = Connection(bench.port("auth"))
    await connection.ask_json("POST", "/api/users/signup", body=credentials)
    connection.close()
    bodies = [json.dumps(credentials)] * count
    sign_ins = Load(bench.port("auth"), "POST", "/api/users/signin", bodies, connections=_CONNECTIONS)
    rounds, floors, waits = [], [], []
    for number in range(bench.rounds):
        bench.progress(f"round {number + 1} of {bench.rounds}")
        floor = await asyncio.to_thread(_bare, credentials["password"], count)
        floors.append(floor)
        others = int(count / floor * _OTHERS_A_SECOND) or 1  # for as long as the sign-ins are sure to take
        asking = Load(
            *(bench.port("auth"), "GET", "/api/users/currentuser", [""] * others, [bench.somebody()]),
            connections=8,
            rate=_OTHERS_A_SECOND,
        )
        outcome, meanwhile = await asyncio.gather(sign_ins.run(), asking.run())
        outcome.require(200)
        meanwhile.require(200)
        rounds.append(count / (outcome.ended - outcome.began))
        waits.append(percentile([answer.seconds * 1000 for answer in meanwhile.answers], 99))
    return [
        Row("sign-in", "sign-ins/s", rounds, floors, Target("at least 0.9 of the bare hash", at_least=0.9)),
        Row("currentuser meanwhile, p99", "ms", waits, (), Target("at most 20 ms", "median", at_most=20)),
    ]


def _bare(password: str, count: int) -> float:
    """Hashes verified a second, with the parameters of auth.passwords, one thread a core."""
    hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
    known = hasher.hash(password)
    began = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(lambda _: hasher.verify(known, password), range(count)))
    return count / (time.monotonic() - began)
