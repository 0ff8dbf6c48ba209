"""What the smoke tests of several processes share: network namespaces joined by bridges, and processes in them.

Needs root. Whatever a test makes here it removes, however it ends, except by SIGKILL.
"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

TAG = f"gs{os.getpid()}"
SWITCH = f"{TAG}sw"


def sh(*words: str, check: bool = True, **options) -> subprocess.CompletedProcess:
    return subprocess.run(words, check=check, text=True, capture_output=True, stdin=subprocess.DEVNULL, **options)


def inside(namespace: str, *words: str) -> list[str]:
    return ["ip", "netns", "exec", namespace, *words]


class Network:
    """A namespace for each server, and a switch namespace with bridges: mgmt, where clients are, and others without
    addresses, for the frames of servers."""

    def __init__(self, servers: int):
        self.namespaces = [SWITCH] + [f"{TAG}s{i}" for i in range(1, servers + 1)]

    def up(self, ports: list[dict[str, tuple[str, str]]]) -> None:
        """`ports`: of each server, its interfaces beside mgmt0, each with its bridge and its own address."""
        for namespace in self.namespaces:
            sh("ip", "netns", "add", namespace)
            sh(*inside(namespace, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"), check=False)
            sh(*inside(namespace, "ip", "link", "set", "lo", "up"))
        for bridge in sorted({bridge for server in ports for bridge, _ in server.values()} | {"mgmt"}):
            sh(*inside(SWITCH, "ip", "link", "add", bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0",
                       "mcast_snooping", "0"))
            sh(*inside(SWITCH, "ip", "link", "set", bridge, "up"))
        sh(*inside(SWITCH, "ip", "address", "add", "10.9.0.254/24", "dev", "mgmt"))
        for i, server in enumerate(ports, 1):
            self.join(i, "mgmt0", "mgmt")
            sh(*inside(self.namespaces[i], "ip", "address", "add", f"10.9.0.{i}/24", "dev", "mgmt0"))
            for interface, (bridge, mac) in server.items():
                self.join(i, interface, bridge)
                sh(*inside(self.namespaces[i], "ip", "link", "set", interface, "address", mac))

    def join(self, server: int, interface: str, bridge: str) -> None:
        namespace = self.namespaces[server]
        sh("ip", "link", "add", f"{bridge}{server}", "netns", SWITCH, "type", "veth", "peer", "name", interface,
           "netns", namespace)
        sh(*inside(SWITCH, "ip", "link", "set", f"{bridge}{server}", "master", bridge, "up"))
        sh(*inside(namespace, "ip", "link", "set", interface, "up"))

    def down(self) -> None:
        for namespace in self.namespaces:
            sh("ip", "netns", "delete", namespace, check=False)


class Process:
    """A program, whose output goes to `log`."""

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


def redis(*words: str, port: str = "6379") -> str:
    return sh(*inside(SWITCH, "redis-cli", "-p", port, *words)).stdout.strip()


def expect(got: str, wanted: str, what: str) -> None:
    assert got == wanted, f"{what}: got {got!r}, wanted {wanted!r}"


def main_with(scene, paths: list[str], servers: int) -> int:
    """Runs `scene` with the paths made absolute, an empty folder, the network, and the list of what it starts."""
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        return 77
    words = [str(pathlib.Path(path).resolve()) for path in paths]
    # meson ends a test that takes too long by SIGTERM.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    network = Network(servers)
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
