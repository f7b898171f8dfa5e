"""Runs the liveness probe of the NATS pod, with the command of the manifest."""

import asyncio
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from marketplace.tests.integration.cluster_nats import CONFIGURATION, ClusterNats

# The image has nc; a machine that runs the tests may have none. It ends its request as the one of the image does.
_NC = """\
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as connection:
    connection.sendall(sys.stdin.buffer.read())
    connection.shutdown(socket.SHUT_WR)
    while received := connection.recv(4096):
        sys.stdout.buffer.write(received)
"""
_MOUNTED = "/etc/nats/is-alive.sh"


def nats_container() -> Mapping[str, Any]:
    objects = yaml.safe_load_all((CONFIGURATION / "nats.yaml").read_text(encoding="utf-8"))
    (pod,) = [each["spec"]["template"]["spec"] for each in objects if each["kind"] == "StatefulSet"]
    (container,) = pod["containers"]
    return dict(container)


async def is_alive(server: ClusterNats, *, disk_is_full: bool = False) -> bool:
    """Run the probe for this server. It can write to the disk unless `disk_is_full`."""
    programs = server.data_dir / "programs"
    programs.mkdir(exist_ok=True)
    for name in ("head", "rm", "sh"):
        if not (programs / name).exists():
            (programs / name).symlink_to(str(shutil.which(name)))
    (programs / "nc.py").write_text(_NC, encoding="utf-8")
    (programs / "nc").write_text(f'#!/bin/sh\nexec "{sys.executable}" -ISB "{programs}/nc.py" "$@"\n', encoding="utf-8")
    (programs / "nc").chmod(0o755)

    probe = nats_container()["livenessProbe"]
    shell, mounted, port, volume = probe["exec"]["command"]
    assert (shell, mounted, port, volume) == ("sh", _MOUNTED, "8222", "/data")
    command = [shell, str(CONFIGURATION / Path(mounted).name), str(server.monitor_port), str(server.data_dir)]
    if disk_is_full:  # a write that makes a file longer fails
        command = [shell, "-c", 'ulimit -f 0; exec "$@"', shell, *command]
    # Its output goes to a pipe, because the limit would also hold for the file in which pytest collects the output.
    process = await asyncio.create_subprocess_exec(
        *command, env={"PATH": str(programs)}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(probe["timeoutSeconds"]):
        await process.communicate()
    return process.returncode == 0
