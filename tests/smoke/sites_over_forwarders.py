#!/usr/bin/env python3
"""Two sites of four servers, in one process, and for each site a process of a dependable forwarder and its backup: all
that the sites say to each other goes through them. Then the primaries are killed.

usage: sites_over_forwarders.py GARRISON

Everything is in one network namespace, where nothing else has its ports; so it needs root, and exits 77 (skipped)
without. Makes and removes everything it uses.
"""
import pathlib
import signal
import sys

sys.dont_write_bytecode = True
from netns import SWITCH, Network, Process, expect, inside, main_with, sh

SITES = "AB"
CLIENT = {"A": "c1", "B": "c2"}  # clients belong to the sites in turn
LONGEST_WAIT_S = 240  # for one update, on however slow a machine


def run(garrison: str, work: pathlib.Path, network: Network, processes: list) -> None:
    topology, keys = str(work / "sites.toml"), str(work / "keys")
    network.up([])
    sh(garrison, "new", "--sites", "2", "--servers", "4", "--link", "forwarder", "--backup-forwarder", "-t", topology)
    sh(garrison, "keys", "-t", topology, "-k", keys)

    def start(name: str, *words: str) -> Process:
        processes.append(Process(work / f"{name}.log", inside(SWITCH, garrison, *words, "-t", topology, "-k", keys)))
        return processes[-1]

    def client(site: str, *words: str) -> str:
        return sh(*inside(SWITCH, garrison, "client", "-t", topology, "-k", keys, "-c", CLIENT[site], "--deadline",
                          str(LONGEST_WAIT_S), *words)).stdout.strip()

    primaries = [start(f"{site}-forwarder", "forwarder", "--site", site) for site in SITES]
    backups = [start(f"{site}-backup", "forwarder", "--site", site, "--backup") for site in SITES]
    for forwarder in primaries + backups:
        forwarder.wait_for("runs")
    servers = start("servers", "run", "--state", str(work / "state"))
    servers.wait_for("B4 runs")

    expect(client("A", "put", "k", "from A"), "OK", "an update at A")
    expect(client("B", "get", "k"), "from A", "what B has of it")
    for forwarder in primaries:
        forwarder.stop(signal.SIGKILL)
    expect(client("B", "incr", "n"), "1", "an update at B over the backups")
    expect(client("A", "incr", "n"), "2", "an update at A after it")
    for process in (servers, *backups):
        expect(str(process.stop()), "0", "exit status of a process ended by SIGTERM")


if __name__ == "__main__":
    sys.exit(main_with(lambda words, *scene: run(words[0], *scene), sys.argv[1:], 0))
