#!/usr/bin/env python3
"""Two sites of four server processes each, in a network namespace per server: a LAN for each site and one network
between them, over af_packet. Clients of either site see what those of the other have written, also when a server of
each site is gone.

usage: sites_over_af_packet.py GARRISON

Needs root for the namespaces, and exits 77 (skipped) without. Makes and removes everything it uses.
"""
import json
import pathlib
import re
import signal
import sys
import time

sys.dont_write_bytecode = True
from netns import SWITCH, Network, Process, expect, inside, main_with, sh

SITES = "AB"
SERVERS_PER_SITE = 4
SERVERS = [f"{site}{i}" for site in SITES for i in range(1, SERVERS_PER_SITE + 1)]
# Clients belong to the sites in turn.
CLIENT = {"A": "c1", "B": "c2"}
LONGEST_WAIT_S = 240  # for one update, or for servers to be equal, on however slow a machine


class Sites:
    def __init__(self, garrison: str, work: pathlib.Path):
        self.garrison = garrison
        self.topology = work / "sites.toml"
        self.keys = work / "keys"

    def client(self, site: str, *words: str) -> str:
        return sh(*inside(SWITCH, self.garrison, "client", "-t", str(self.topology), "-k", str(self.keys), "-c",
                          CLIENT[site], "--deadline", str(LONGEST_WAIT_S), *words)).stdout.strip()

    def status(self, *words: str):
        return sh(*inside(SWITCH, self.garrison, "status", "-t", str(self.topology), *words), check=False)

    def wait_until_equal(self, servers: list[str]) -> list[dict]:
        """Status of these servers, once all have executed as much and are in the same state."""
        end = time.monotonic() + LONGEST_WAIT_S
        while True:
            rows = json.loads(self.status("--json", "--digest").stdout)["results"]
            rows = [row for row in rows if row["server"] in servers]
            states = {(row["updates_executed"], row["state_digest"]) for row in rows}
            if len(rows) == len(servers) and len(states) == 1:
                return rows
            assert time.monotonic() < end, f"of {servers} there answered, with these states: {states}"
            time.sleep(0.5)


def run(garrison: str, work: pathlib.Path, network: Network, processes: list) -> None:
    sites = Sites(garrison, work)
    hosts = [word for i in range(1, len(SERVERS) + 1) for word in ("--host", f"10.9.0.{i}")]
    sh(garrison, "new", "--sites", str(len(SITES)), "--servers", str(SERVERS_PER_SITE), "--port", "af_packet:lan0",
       "--wan-port", "af_packet:wan0", *hosts, "-t", str(sites.topology))
    sh(garrison, "keys", "-t", str(sites.topology), "-k", str(sites.keys))
    sh(garrison, "check", "-t", str(sites.topology), "-k", str(sites.keys))
    macs = re.findall(r'^(?:lan|wan) = .*mac = "([0-9a-f:]+)"', sites.topology.read_text(), flags=re.MULTILINE)
    assert len(macs) == 2 * len(SERVERS)
    network.up([{"lan0": (f"lan{name[0]}", lan), "wan0": ("wan", wan)}
                for name, lan, wan in zip(SERVERS, macs[::2], macs[1::2])])

    servers = {}
    for namespace, name in zip(network.namespaces[1:], SERVERS):
        servers[name] = Process(work / f"{name}.log", inside(
            namespace, garrison, "run", "-t", str(sites.topology), "-k", str(sites.keys), "--state",
            str(work / "state"), "--server", name))
        processes.append(servers[name])
    for name, server in servers.items():
        server.wait_for(f"{name} runs")

    expect(sites.client("A", "put", "k", "from A"), "OK", "an update at A")
    expect(sites.client("B", "get", "k"), "from A", "what B has of it")
    expect(sites.client("B", "incr", "n"), "1", "an update at B")
    expect(sites.client("A", "incr", "n"), "2", "an update at A after it")
    rows = sites.wait_until_equal(SERVERS)
    for row in rows:
        among = row["among_sites"]
        assert among["site_signatures"] > 0 and among["link_messages_executed"] > 0, row
        assert among["frames_received"] > 0 and among["frames_sent"] > 0, row
    print(sites.status().stdout)

    # One server of each site may go, the leader too; clients notice nothing.
    expect(str(servers["A1"].stop(signal.SIGKILL)), str(-signal.SIGKILL), "exit status of a killed server")
    expect(str(servers["B3"].stop(signal.SIGINT)), "0", "exit status of a server ended by SIGINT")
    expect(sites.client("B", "incr", "n"), "3", "an update at B without A1 and B3")
    expect(sites.client("A", "incr", "n"), "4", "an update at A without A1 and B3")
    rest = [name for name in SERVERS if name not in ("A1", "B3")]
    sites.wait_until_equal(rest)
    silent = sites.status()
    expect(str(silent.returncode), "1", "exit status of status")
    for name in ("A1", "B3"):
        assert f"{name} does not answer" in silent.stderr, silent.stderr
    assert "more than f" not in silent.stderr, silent.stderr
    print(silent.stdout)
    for name in rest:
        expect(str(servers[name].stop()), "0", "exit status of a server ended by SIGTERM")


if __name__ == "__main__":
    sys.exit(main_with(lambda words, *scene: run(words[0], *scene), sys.argv[1:], len(SERVERS)))
