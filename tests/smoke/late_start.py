#!/usr/bin/env python3
"""Four server processes over af_packet; the fourth starts when the others have forgotten what it misses.

usage: late_start.py GARRISON

It takes over their state, and then stands in for another that stops. Needs root for the namespaces, and exits 77
(skipped) without. Makes and removes everything it uses.
"""
import json
import pathlib
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from netns import SWITCH, Network, Process, expect, inside, main_with, redis, sh

SERVERS = 4
UPDATES = 2_000
SMALL_WINDOWS = {"kept_window": 8, "checkpoint_interval": 4, "ordering_window": 16}


def states(garrison: str, topology: pathlib.Path) -> dict[str, dict]:
    answer = sh(*inside(SWITCH, garrison, "status", "-t", str(topology), "--json", "--digest"), check=False)
    return {row["server"]: row for row in json.loads(answer.stdout)["results"]}


def wait_until_equal(garrison: str, topology: pathlib.Path, servers: list[str]) -> dict[str, dict]:
    for _ in range(120):
        now = states(garrison, topology)
        if all(name in now for name in servers):
            if len({(now[name]["updates_executed"], now[name]["state_digest"]) for name in servers}) == 1:
                return now
        time.sleep(0.5)
    raise AssertionError(f"states differ: { {name: now.get(name, {}).get('state_transfer') for name in servers} }")


def run(garrison: str, work: pathlib.Path, network: Network, processes: list) -> None:
    topology = work / "site.toml"
    hosts = [word for i in range(1, SERVERS + 1) for word in ("--host", f"10.9.0.{i}")]
    sh(garrison, "new", "--servers", str(SERVERS), "--port", "af_packet:lan0", *hosts, "-t", str(topology))
    text = topology.read_text()
    for key, value in SMALL_WINDOWS.items():
        text, changed = re.subn(rf"^{key} = \d+", f"{key} = {value}", text, flags=re.MULTILINE)
        assert changed == 1, key
    topology.write_text(text)
    sh(garrison, "keys", "-t", str(topology), "-k", str(work / "keys"))
    network.up([{"lan0": ("lan", mac)} for mac in re.findall(r'mac = "([0-9a-f:]+)"', text)])

    def start(i: int) -> Process:
        server = Process(work / f"A{i}.log", inside(
            network.namespaces[i], garrison, "run", "-t", str(topology), "-k", str(work / "keys"), "--state",
            str(work / "state"), "--server", f"A{i}"))
        processes.append(server)
        return server

    servers = {i: start(i) for i in (1, 2, 3)}
    for i, server in servers.items():
        server.wait_for(f"A{i} runs")
    gateway = Process(work / "gateway.log", inside(SWITCH, garrison, "gateway", "-t", str(topology), "-k",
                                                   str(work / "keys"), "--clients", "c1,c2", "--deadline", "120"))
    processes.append(gateway)
    gateway.wait_for("redis-cli")
    load = sh(*inside(SWITCH, "redis-benchmark", "-p", "6379", "-t", "set,incr", "-n", str(UPDATES), "-c", "10", "-r",
                      "500", "-q"), timeout=300)
    assert "SET:" in load.stdout and "INCR:" in load.stdout, load.stdout + load.stderr
    wait_until_equal(garrison, topology, ["A1", "A2", "A3"])

    servers[4] = start(4)
    servers[4].wait_for("A4 runs")
    now = wait_until_equal(garrison, topology, ["A1", "A4"])
    restored = now["A4"]["state_transfer"]["restored_sequence"]
    assert restored > 0, "A4 caught up without a state"
    made = max(now[name]["state_transfer"]["last_checkpoint"] for name in ("A1", "A2", "A3"))
    print(f"A4 took over the state at sequence {restored} of {now['A1']['updates_executed']} updates")
    assert made >= restored, f"nobody shows a checkpoint at {restored}: {made}"

    # One of the others goes: without A4 there is no quorum.
    expect(str(servers[2].stop()), "0", "exit status of a server ended by SIGTERM")
    expect(redis("SET", "after", "all"), "OK", "an update that needs A4")
    expect(redis("GET", "after"), "all", "a query that needs A4")
    wait_until_equal(garrison, topology, ["A1", "A3", "A4"])
    print(sh(*inside(SWITCH, garrison, "status", "-t", str(topology)), check=False).stdout)


if __name__ == "__main__":
    sys.exit(main_with(lambda words, *scene: run(words[0], *scene), sys.argv[1:], SERVERS))
