"""Starts MongoDB, NATS and other servers as child processes.

The tests use this package. `marketplace run`, the command that starts the platform on this machine, also uses it.
"""

from devkit.servers.binaries import BinaryMissing
from devkit.servers.mongod import Mongod
from devkit.servers.nats_cluster import NatsClusterMember, nats_cluster_url, run_nats_cluster
from devkit.servers.nats_server import NatsServer
from devkit.servers.ports import free_port, is_taken
from devkit.servers.process import ChildProcess
from devkit.servers.replica_set import ReplicaSetMember
from devkit.servers.server import Fault, Server, ServerFailed

__all__ = [
    "BinaryMissing",
    "ChildProcess",
    "Fault",
    "Mongod",
    "NatsClusterMember",
    "NatsServer",
    "ReplicaSetMember",
    "Server",
    "ServerFailed",
    "free_port",
    "is_taken",
    "nats_cluster_url",
    "run_nats_cluster",
]
