#!/usr/bin/env python3
"""tools/lab-net as its users meet it: two sites of four server processes on broadcast hubs, joined by the relay, and
the same over dependable forwarders; an end by SIGKILL; labs that stay; wrong use.

usage: lab_net.py GARRISON LAB_NET

Needs root for the namespaces, and exits 77 (skipped) without. Makes and removes everything it uses.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

LONGEST_WAIT_S = "240"  # for one update, on however slow a machine


def expect(fact, what) -> None:
    if not fact:
        sys.exit(f"lab_net: {what}")


def lab_net(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run([tool, *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def client(name: str, *words: str) -> str:
    return " ".join(["garrison", "client", "-c", name, "--deadline", LONGEST_WAIT_S, *words])


def alive(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> set[int]:
    found = set()
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.add(int(status.parent.name))
    return found


def check_hub(folder: pathlib.Path) -> None:
    script = f"{client('c1', 'put', 'k', 'v')} && {client('c2', 'get', 'k')} && garrison status --json"
    done = lab_net("run", "--garrison", garrison, "--delay", "5ms", "--jitter", "1ms", "--logs", str(folder / "logs"), "--",
                   "sh", "-c", script)
    expect(done.returncode == 0, done.stdout + done.stderr)
    answers, _, status = done.stdout.partition("{")
    expect(answers.split() == ["OK", "v"], answers)
    rows = json.loads("{" + status)["results"]
    expect(len(rows) == 8, f"{len(rows)} servers answer")
    for row in rows:
        hub = row["among_sites"]["hub"]
        expect(hub["overheard"] > 0, f"{row['server']} has overheard nothing on its hub: {hub}")
    relay = (folder / "logs" / "relay.log").read_text()
    counts = re.search(r"(\d+) heard, (\d+) delivered", relay)
    expect(counts is not None and int(counts[2]) > 0, relay)


def check_forwarders() -> None:
    done = lab_net("run", "--garrison", garrison, "--link", "forwarder", "--delay", "5ms", "--", "sh", "-c",
                   f"{client('c1', 'incr', 'n')} && {client('c2', 'incr', 'n')}")
    expect(done.returncode == 0 and done.stdout.split() == ["1", "2"], done.stdout + done.stderr)


def check_kill() -> None:
    with subprocess.Popen([tool, "run", "--garrison", garrison], stderr=subprocess.PIPE, text=True) as lab:
        said = lab.stderr.readline()
        folder = re.search(r"logs are in (\S+)", said)
        expect(folder is not None, said)
        left = children(lab.pid)
        expect(len(left) >= 8 + 10, f"{len(left)} processes: servers, and what holds the namespaces")
        lab.send_signal(signal.SIGKILL)
    end = time.monotonic() + float(LONGEST_WAIT_S)
    while left or os.path.exists(folder[1]):
        left = {pid for pid in left if alive(pid)}
        expect(time.monotonic() < end, f"left behind after SIGKILL: {left} {folder[1]}")
        time.sleep(0.1)


def check_up_and_down(folder: pathlib.Path) -> None:
    lab = str(folder / "lab")
    done = lab_net("up", "--garrison", garrison, "--link", "erasure", "--loss", "0.5", lab)
    try:
        expect(done.returncode == 0, done.stdout + done.stderr)
        pids = [pid for pid, _ in json.loads((folder / "lab" / "lab.json").read_text())["started"]]
        done = lab_net("exec", "--garrison", garrison, lab, "--", "sh", "-c", client("c1", "incr", "n"))
        expect(done.returncode == 0 and done.stdout == "1\n", done.stdout + done.stderr)
        done = lab_net("exec", "--at", "B4", lab, "--", "ip", "-br", "address")
        expect("10.9.1.4/16" in done.stdout and "10.3.1.4/16" in done.stdout, done.stdout + done.stderr)
        expect(lab_net("exec", "--at", "C1", lab, "--", "true").returncode == 1, "there is no C1")
    finally:
        done = lab_net("down", lab)
    expect(done.returncode == 0, done.stdout + done.stderr)
    expect(not any(alive(pid) for pid in pids), "all its processes have ended")
    expect("stopped by SIGTERM" in (folder / "lab" / "A1.log").read_text(), "servers are ended in order")
    expect(lab_net("down", lab).returncode == 1, "there is no lab any more")


def check_wrong_use(folder: pathlib.Path) -> None:
    done = lab_net("run", "--garrison", garrison, "--link", "string")
    expect(done.returncode == 1 and "string not in" in done.stderr, done.stderr)
    topology = str(folder / "two.toml")
    subprocess.run([garrison, "new", "--sites", "2", "-t", topology], check=True, capture_output=True)
    ports = ("--port", "A=a", "--port", "B=b")
    for words, what in ((("--port", "A=a"), "site B has no --port"),
                        (("--port", "C=c"), "is not SITE=INTERFACE"),
                        ((*ports, "--port", "A=d"), "the site has a already"),
                        ((*ports, "--delay", "25"), "is no duration"),
                        ((*ports, "--rate", "fast"), "is no rate"),
                        ((*ports, "--pair", "A-A,delay=1ms"), "no two sites"),
                        ((*ports, "--pair", "A-B,loss=101"), "write it as A-B")):
        done = subprocess.run([garrison, "relay", "-t", topology, *words], capture_output=True, text=True, check=False)
        expect(done.returncode == 2 and what in done.stderr, f"{words}: {done.stderr}")
    done = subprocess.run([garrison, "relay", "-t", topology, *ports], capture_output=True, text=True, check=False)
    expect(done.returncode == 1 and "iface=a" in done.stderr, done.stderr)


def main() -> int:
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        return 77
    with tempfile.TemporaryDirectory(prefix="garrison-smoke-") as name:
        folder = pathlib.Path(name)
        check_wrong_use(folder)
        check_hub(folder)
        check_forwarders()
        check_kill()
        check_up_and_down(folder)
    print("passed")
    return 0


garrison, tool = (str(pathlib.Path(word).resolve()) for word in sys.argv[1:3])
sys.exit(main())
