#!/usr/bin/env python3
"""Two sites of four servers, in one process, and for each site a process of a dependable forwarder and its backup, each
on a port of its own over af_packet: all that the sites say to each other goes through them. Then the primaries are
killed.

usage: sites_over_forwarders.py GARRISON

Everything is in one network namespace, where nothing else has its ports; so it needs root, and exits 77 (skipped)
without. Makes and removes everything it uses.
"""
import pathlib
import re
import signal
import sys
import time

sys.dont_write_bytecode = True
from netns import SWITCH, Network, Process, expect, inside, main_with, sh

SITES = "AB"
CLIENT = {"A": "c1", "B": "c2"}  # clients belong to the sites in turn
ATTEMPTS = 10
LONGEST_WAIT_S = 240  # for one update, on however slow a machine


def give_ports(topology: pathlib.Path) -> None:
    """An interface for each forwarder, all on one bridge; their frames pass no socket of the kernel's."""
    sh(*inside(SWITCH, "ip", "link", "add", "wide", "type", "bridge", "stp_state", "0", "forward_delay", "0"))
    sh(*inside(SWITCH, "ip", "link", "set", "wide", "up"))
    text = topology.read_text()
    for i, (site, role) in enumerate((site, role) for site in range(len(SITES)) for role in ("forwarder", "backup")):
        mac = f"02:00:00:02:00:{i + 1:02x}"
        sh(*inside(SWITCH, "ip", "link", "add", f"f{i}", "address", mac, "type", "veth", "peer", "name", f"p{i}"))
        sh(*inside(SWITCH, "ip", "link", "set", f"p{i}", "master", "wide", "up"))
        sh(*inside(SWITCH, "ip", "link", "set", f"f{i}", "up"))
        table = f'{{ port = "af_packet:f{i}", mac = "{mac}", ip = "10.3.0.{i + 1}", udp_port = 7900 }}'
        line = [line for line in text.splitlines() if line.startswith(role + " = {")][site]
        text = text.replace(line, re.sub(r'wan = "[^"]*"', "wan = " + table, line), 1)
    topology.write_text(text)


def run(garrison: str, work: pathlib.Path, network: Network, processes: list) -> None:
    topology, keys = str(work / "sites.toml"), str(work / "keys")
    network.up([])
    sh(garrison, "new", "--sites", "2", "--servers", "4", "--link", "forwarder", "--backup-forwarder", "--wan-port",
       "af_packet:none", "-t", topology)
    give_ports(pathlib.Path(topology))
    sh(garrison, "check", "-t", topology)
    sh(garrison, "keys", "-t", topology, "-k", keys)

    def start(name: str, *words: str) -> Process:
        processes.append(Process(work / f"{name}.log", inside(SWITCH, garrison, *words, "-t", topology, "-k", keys)))
        return processes[-1]

    def client(site: str, *words: str) -> str:
        return sh(*inside(SWITCH, garrison, "client", "-t", topology, "-k", keys, "-c", CLIENT[site], "--deadline",
                          str(LONGEST_WAIT_S), *words)).stdout.strip()

    def forwarder(name: str, *words: str) -> Process:
        # DPDK's af_packet names a group of sockets by process and interface, and two processes may come to one name.
        for _ in range(ATTEMPTS):
            process = start(name, "forwarder", *words)
            while process.handle.poll() is None and "runs" not in process.log.read_text():
                time.sleep(0.05)
            if "cannot attach" not in process.log.read_text():
                break
        process.wait_for("runs")
        return process

    primaries = [forwarder(f"{site}-forwarder", "--site", site) for site in SITES]
    backups = [forwarder(f"{site}-backup", "--site", site, "--backup") for site in SITES]
    servers = start("servers", "run", "--state", str(work / "state"))
    servers.wait_for("B4 runs")

    expect(client("A", "put", "k", "from A"), "OK", "an update at A")
    expect(client("B", "get", "k"), "from A", "what B has of it")
    for primary in primaries:
        primary.stop(signal.SIGKILL)
    expect(client("B", "incr", "n"), "1", "an update at B over the backups")
    expect(client("A", "incr", "n"), "2", "an update at A after it")
    for process in (servers, *backups):
        expect(str(process.stop()), "0", "exit status of a process ended by SIGTERM")


if __name__ == "__main__":
    sys.exit(main_with(lambda words, *scene: run(words[0], *scene), sys.argv[1:], 0))
