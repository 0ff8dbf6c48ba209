#!/usr/bin/env python3
"""Four server processes, each in a network namespace of its own, over af_packet; a gateway; Redis clients; a capture.

usage: site_over_af_packet.py GARRISON DISSECTOR

Needs root for the namespaces, and exits 77 (skipped) without. Makes and removes everything it uses.
"""
import json
import pathlib
import re
import signal
import sys

sys.dont_write_bytecode = True
from netns import SWITCH, Network, Process, expect, inside, main_with, redis, sh

SERVERS = 4
REQUESTS = 20_000
QUERY_PORT = "6380"  # of a gateway that has reads answered within the site


def check_commands(port: str = "6379") -> None:
    script = [
        (("PING",), "PONG"), (("FLUSHALL",), "OK"), (("SET", "k", "v"), "OK"), (("GET", "k"), "v"), (("SET", "k", "w", "NX"), ""),
        (("SET", "k", "w", "XX"), "OK"), (("GET", "k"), "w"), (("DEL", "k", "none"), "1"), (("GET", "k"), ""),
        (("EXISTS", "k"), "0"), (("INCR", "n"), "1"), (("INCRBY", "n", "41"), "42"), (("DECR", "n"), "41"),
        (("MSET", "a", "1", "b", "2"), "OK"), (("MGET", "a", "b", "none"), "1\n2"), (("DBSIZE",), "3"),
        (("INCR", "text"), "1"), (("SET", "text", "abc"), "OK"),
        (("INCR", "text"), "ERR value is not an integer or out of range"),
        (("GET",), "ERR wrong number of arguments for 'get' command"),
        (("NOSUCH", "x"), "ERR unknown command 'NOSUCH', with args beginning with: 'x' "),
        (("SELECT", "0"), "OK"), (("SELECT", "1"), "ERR DB index is out of range"), (("FLUSHALL",), "OK"),
        (("DBSIZE",), "0"),
    ]
    for words, wanted in script:
        expect(redis(*words, port=port), wanted.strip(), " ".join(words))


def check_queries(garrison: str, topology: pathlib.Path, keys: pathlib.Path) -> None:
    """Through a gateway and a client that have their reads answered within the site."""
    check_commands(QUERY_PORT)
    result = sh(*inside(SWITCH, "redis-benchmark", "-p", QUERY_PORT, "-t", "set,get", "-n", str(REQUESTS // 4), "-c", "50",
                        "-P", "8", "-q"), timeout=600)
    assert "GET:" in result.stdout, result.stdout + result.stderr
    expect(redis("SET", "read within", "the site", port=QUERY_PORT), "OK", "an update")
    read = sh(*inside(SWITCH, garrison, "client", "-t", str(topology), "-k", str(keys), "--reads", "site", "get",
                      "read within"))
    assert read.stdout in ("the site\n", "(nil)\n"), read.stdout  # a session of its own, which has seen nothing
    status = json.loads(sh(*inside(SWITCH, garrison, "status", "-t", str(topology), "--json")).stdout)["results"]
    answered = [row["queries_answered"] for row in status]
    assert sum(count > 0 for count in answered) > SERVERS // 2, f"who answered queries: {answered}"
    print(f"queries answered: {answered}")


def check_benchmark() -> None:
    result = sh(*inside(SWITCH, "redis-benchmark", "-p", "6379", "-t", "set,get,incr", "-n", str(REQUESTS), "-c", "50",
                        "-P", "8", "-q"), timeout=600)
    finished = re.findall(r"(SET|GET|INCR): ([\d.]+) requests per second", result.stdout.replace("\r", "\n"))
    assert {name for name, _ in finished} == {"SET", "GET", "INCR"}, result.stdout + result.stderr
    for name, rate in finished:
        print(f"redis-benchmark {name}: {rate} requests/s")
    # Every INCR of the benchmark was executed exactly once.
    expect(redis("GET", "counter:__rand_int__"), str(REQUESTS), "increments executed")


def check_capture(capture: pathlib.Path, dissector: pathlib.Path) -> None:
    fields = sh("tshark", "-r", str(capture), "-X", f"lua_script:{dissector}", "-T", "fields", "-e",
                "frame.protocols", "-e", "_ws.col.Info", "-e", "_ws.malformed", timeout=300).stdout.splitlines()
    frames = [line.split("\t") for line in fields]
    assert len(frames) > 100, f"only {len(frames)} frames captured"
    unnamed = [line for line in frames if "garrison" not in line[0] or not line[1].strip() or "Unknown" in line[1]]
    malformed = [line for line in frames if len(line) > 2 and line[2]]
    assert not unnamed, f"{len(unnamed)} of {len(frames)} frames without a name, the first: {unnamed[0]}"
    assert not malformed, f"{len(malformed)} malformed frames, the first: {malformed[0]}"
    seen = " ".join(line[1] for line in frames)
    for name in ("HELLO", "PO-REQUEST", "PO-ACK", "PO-SUMMARY", "SUMMARY-MATRIX", "PRE-PREPARE", "PREPARE", "COMMIT"):
        assert name in seen, f"no {name} in {len(frames)} frames"
    print(f"tshark named every one of {len(frames)} frames")


def run(garrison: str, dissector: pathlib.Path, work: pathlib.Path, network: Network, processes: list) -> None:
    topology = work / "site.toml"
    hosts = [word for i in range(1, SERVERS + 1) for word in ("--host", f"10.9.0.{i}")]
    sh(garrison, "new", "--servers", str(SERVERS), "--port", "af_packet:lan0", *hosts, "-t", str(topology))
    sh(garrison, "keys", "-t", str(topology), "-k", str(work / "keys"))
    sh(garrison, "check", "-t", str(topology), "-k", str(work / "keys"))
    macs = re.findall(r'mac = "([0-9a-f:]+)"', topology.read_text())
    assert len(macs) == SERVERS
    network.up([{"lan0": ("lan", mac)} for mac in macs])

    # From before the first HELLO until well into the first commands; the load later is too much to keep.
    capture = work / "lan.pcap"
    dump = Process(work / "tcpdump.log", inside(SWITCH, "tcpdump", "-i", "lan", "-U", "-s", "0", "-B", "65536", "-Z",
                                                "root", "-w", str(capture)))
    processes.append(dump)
    dump.wait_for("listening on")
    servers = []
    for i in range(1, SERVERS + 1):
        servers.append(Process(work / f"A{i}.log", inside(
            network.namespaces[i], garrison, "run", "-t", str(topology), "-k", str(work / "keys"), "--state",
            str(work / "state"), "--server", f"A{i}")))
        processes.append(servers[-1])
    for i, server in enumerate(servers, 1):
        server.wait_for(f"A{i} runs")
    gateway = Process(work / "gateway.log", inside(SWITCH, garrison, "gateway", "-t", str(topology), "-k",
                                                   str(work / "keys"), "--clients", "c1,c2", "--deadline", "120"))
    processes.append(gateway)
    gateway.wait_for("redis-cli")

    check_commands()
    small = sh(*inside(SWITCH, "redis-benchmark", "-p", "6379", "-t", "set", "-n", "500", "-c", "10",
                   "-q"), timeout=300)
    assert "SET:" in small.stdout
    dump.stop(signal.SIGINT)
    check_capture(capture, dissector)
    redis("FLUSHALL")
    check_benchmark()
    reader = Process(work / "reader.log", inside(SWITCH, garrison, "gateway", "-t", str(topology), "-k",
                                                 str(work / "keys"), "--clients", "c3", "--deadline", "120", "--listen",
                                                 f"127.0.0.1:{QUERY_PORT}", "--reads", "site"))
    processes.append(reader)
    reader.wait_for("redis-cli")
    check_queries(garrison, topology, work / "keys")

    status = sh(*inside(SWITCH, garrison, "status", "-t", str(topology)))
    print(status.stdout)
    # A server of a site that tolerates one may go; clients notice nothing.
    expect(str(servers[3].stop()), "0", "exit status of a server ended by SIGTERM")
    check_commands()
    check_commands(QUERY_PORT)
    again = sh(*inside(network.namespaces[4], garrison, "run", "-t", str(topology), "-k", str(work / "keys"), "--state",
                       str(work / "state"), "--server", "A4"), check=False)
    assert again.returncode == 2 and "has run before" in again.stderr, "a second life was not refused"
    for process, name in [(gateway, "gateway"), (reader, "gateway"), *[(server, "server") for server in servers[:3]]]:
        expect(str(process.stop(signal.SIGINT)), "0", f"exit status of a {name} ended by SIGINT")


if __name__ == "__main__":
    sys.exit(main_with(lambda words, *scene: run(words[0], pathlib.Path(words[1]), *scene), sys.argv[1:], SERVERS))
