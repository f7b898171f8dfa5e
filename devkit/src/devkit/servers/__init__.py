"""Starts MongoDB, NATS and other servers as child processes. `marketplace run` and the tests use this package."""

from devkit.servers.binaries import BinaryMissing
from devkit.servers.mongod import Mongod
from devkit.servers.nats_server import NatsServer
from devkit.servers.ports import free_port, is_taken
from devkit.servers.process import ChildProcess
from devkit.servers.server import Server, ServerFailed

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
