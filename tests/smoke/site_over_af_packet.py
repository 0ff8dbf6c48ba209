#!/usr/bin/env python3
"""Four server processes, each in a network namespace of its own, over af_packet; a gateway; Redis clients; a capture.

usage: site_over_af_packet.py GARRISON DISSECTOR

Needs root for the namespaces, and exits 77 (skipped) without. Makes and removes everything it uses.
"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

SERVERS = 4
REQUESTS = 20_000
TAG = f"gs{os.getpid()}"
SWITCH = f"{TAG}sw"


def sh(*words: str, check: bool = True, **options) -> subprocess.CompletedProcess:
    return subprocess.run(words, check=check, text=True, capture_output=True, stdin=subprocess.DEVNULL, **options)


def inside(namespace: str, *words: str) -> list[str]:
    return ["ip", "netns", "exec", namespace, *words]


class Network:
    """A switch namespace with two bridges: lan, without addresses, and mgmt, where clients are."""

    def __init__(self):
        self.namespaces = [SWITCH] + [f"{TAG}s{i}" for i in range(1, SERVERS + 1)]

    def up(self, macs: list[str]) -> None:
        for namespace in self.namespaces:
            sh("ip", "netns", "add", namespace)
            sh(*inside(namespace, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"), check=False)
            sh(*inside(namespace, "ip", "link", "set", "lo", "up"))
        for bridge in ("lan", "mgmt"):
            sh(*inside(SWITCH, "ip", "link", "add", bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0",
                       "mcast_snooping", "0"))
            sh(*inside(SWITCH, "ip", "link", "set", bridge, "up"))
        sh(*inside(SWITCH, "ip", "address", "add", "10.9.0.254/24", "dev", "mgmt"))
        for i, namespace in enumerate(self.namespaces[1:], 1):
            for bridge in ("lan", "mgmt"):
                sh("ip", "link", "add", f"{bridge}{i}", "netns", SWITCH, "type", "veth", "peer", "name", f"{bridge}0",
                   "netns", namespace)
                sh(*inside(SWITCH, "ip", "link", "set", f"{bridge}{i}", "master", bridge, "up"))
                sh(*inside(namespace, "ip", "link", "set", f"{bridge}0", "up"))
            sh(*inside(namespace, "ip", "link", "set", "lan0", "address", macs[i - 1]))
            sh(*inside(namespace, "ip", "address", "add", f"10.9.0.{i}/24", "dev", "mgmt0"))

    def down(self) -> None:
        for namespace in self.namespaces:
            sh("ip", "netns", "delete", namespace, check=False)


class Process:
    def __init__(self, log: pathlib.Path, words: list[str]):
        self.log = log
        self.handle = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log.open("w"),
                                       stderr=subprocess.STDOUT)

    def wait_for(self, text: str) -> None:
        while text not in self.log.read_text():
            assert self.handle.poll() is None, f"ended early: {self.log.read_text()}"
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.handle.poll() is None:
            self.handle.send_signal(number)
        try:
            return self.handle.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.handle.kill()
            return self.handle.wait()


def redis(*words: str) -> str:
    return sh(*inside(SWITCH, "redis-cli", "-p", "6379", *words)).stdout.strip()


def expect(got: str, wanted: str, what: str) -> None:
    assert got == wanted, f"{what}: got {got!r}, wanted {wanted!r}"


def check_commands() -> None:
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
        expect(redis(*words), wanted.strip(), " ".join(words))


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
    network.up(macs)

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

    status = sh(*inside(SWITCH, garrison, "status", "-t", str(topology)))
    print(status.stdout)
    # A server of a site that tolerates one may go; clients notice nothing.
    expect(str(servers[3].stop()), "0", "exit status of a server ended by SIGTERM")
    check_commands()
    again = sh(*inside(network.namespaces[4], garrison, "run", "-t", str(topology), "-k", str(work / "keys"), "--state",
                       str(work / "state"), "--server", "A4"), check=False)
    assert again.returncode == 2 and "has run before" in again.stderr, "a second life was not refused"
    for process, name in [(gateway, "gateway"), *[(server, "server") for server in servers[:3]]]:
        expect(str(process.stop(signal.SIGINT)), "0", f"exit status of a {name} ended by SIGINT")


def main_with(scene, paths: list[str]) -> int:
    """Runs `scene` with the paths made absolute, an empty folder, the network, and the list of what it starts."""
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        return 77
    words = [str(pathlib.Path(path).resolve()) for path in paths]
    network = Network()
    processes: list[Process] = []
    with tempfile.TemporaryDirectory(prefix="garrison-smoke-") as folder:
        work = pathlib.Path(folder)
        try:
            scene(words, work, network, processes)
        except (AssertionError, subprocess.SubprocessError) as fault:
            print(f"FAILED: {fault}")
            if isinstance(fault, subprocess.CalledProcessError):
                print(fault.stdout, fault.stderr)
            for log in sorted(work.glob("*.log")):
                print(f"--- {log.name}\n{log.read_text()[-2000:]}")
            return 1
        finally:
            for process in reversed(processes):
                process.stop(signal.SIGKILL)
            network.down()
    print("passed")
    return 0


if __name__ == "__main__":
    sys.exit(main_with(lambda words, *scene: run(words[0], pathlib.Path(words[1]), *scene), sys.argv[1:]))
