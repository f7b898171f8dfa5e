"""The real servers as child processes: for the run on a laptop, and for tests that need the real thing."""

from common.servers.binaries import BinaryMissing
from common.servers.mongod import Mongod
from common.servers.nats_server import NatsServer
from common.servers.ports import free_port, is_taken
from common.servers.process import ChildProcess
from common.servers.server import Server, ServerFailed

__all__ = [
    "BinaryMissing",
    "ChildProcess",
    "Mongod",
    "NatsServer",
    "Server",
    "ServerFailed",
    "free_port",
    "is_taken",
]
