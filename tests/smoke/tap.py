#!/usr/bin/env python3
"""`garrison tap` on the hubs of two sites of four server processes (tools/lab-net): its account is that of the servers'
own counters; nothing leaves its port; a capture replayed gives the same account, and tshark knows every frame of it;
two taps hear the same; a faulty server on the hub is named.

usage: tap.py GARRISON LAB_NET DISSECTOR

Needs root for the namespaces, and exits 77 (skipped) without. Makes and removes everything it uses.
"""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

LONGEST_WAIT_S = "240"  # for one update, on however slow a machine
TAPS = {"tapA": "hubA", "tapA2": "hubA", "tapB": "hubB"}
COUNTS = ("sent_first_set", "sent_second_set", "sent_asked")


def expect(fact, what) -> None:
    if not fact:
        sys.exit(f"tap: {what}")


def run(*words: str, **options) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options)
    expect(done.returncode == 0, f"{words}: {done.returncode} {done.stdout[-2000:]} {done.stderr[-2000:]}")
    return done.stdout


def status() -> dict:
    rows = json.loads(run("garrison", "status", "--json"))["results"]
    return {row["server"]: row["among_sites"] for row in rows}


def load() -> None:
    for client in ("c1", "c2", "c1", "c2"):
        run("garrison", "client", "-c", client, "--deadline", LONGEST_WAIT_S, "incr", "n")


class Tap:
    """Listens from the time that it is made until stop()."""

    def __init__(self, *words: str):
        self.process = subprocess.Popen(["garrison", "tap", "--json", "-k", "keys", *words], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.said = self.process.stderr.readline()
        expect("the tap listens" in self.said, f"{words}: {self.said}{self.process.stderr.read() if self.process.poll() else ''}")

    def stop(self) -> dict:
        self.process.send_signal(signal.SIGINT)
        output, errors = self.process.communicate(timeout=120)
        expect(self.process.returncode == 0, f"a tap ended with {self.process.returncode}: {errors}")
        return json.loads(output)


def rows(report: dict, what: str, **wanted) -> list[dict]:
    return [row for row in report["results"]
            if row["what"] == what and all(row[key] == value for key, value in wanted.items())]


def guilty(report: dict) -> list[str]:
    return [row["server"] for row in rows(report, "guilty")]


def transmitted(interface: str) -> int:
    return json.loads(run("ip", "-s", "-j", "link", "show", interface))[0]["stats64"]["tx"]["packets"]


def plug() -> None:
    for tap, hub in TAPS.items():
        run("ip", "link", "add", tap, "type", "veth", "peer", "name", f"{hub}.{tap}")
        run("ip", "link", "set", f"{hub}.{tap}", "master", hub, "up")
        run("ip", "link", "set", tap, "up")


def tempt(interface: str) -> None:
    """What would make a host answer: ARP for any address, and a frame to its own address."""
    mac = bytes.fromhex(json.loads(run("ip", "-j", "link", "show", interface))[0]["address"].replace(":", ""))
    sender = b"\x02\x00\x00\x00\x00\x77"
    arp = bytes.fromhex("0001080006040001") + sender + bytes([10, 3, 0, 99]) + bytes(6) + bytes([10, 3, 0, 1])
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind((TAPS[interface], 0))
        for _ in range(10):
            raw.send(b"\xff" * 6 + sender + b"\x08\x06" + arp)
            raw.send(mac + sender + b"\x08\x06" + arp)


def check_account(report: dict, before: tuple[dict, dict], after: tuple[dict, dict]) -> None:
    """`before` and `after`: what servers said just before and just after the tap began, and ended."""
    for server in before[0]:
        site = server[0]
        least = {key: after[0][server]["hub"][key] - before[1][server]["hub"][key] for key in COUNTS}
        most = {key: after[1][server]["hub"][key] - before[0][server]["hub"][key] for key in COUNTS}
        tap = rows(report, "server", server=server)[0]
        for key in COUNTS:
            # What servers of the other site have sent may be on its way still.
            low = least[key] if site == "A" else 0
            expect(low <= tap[key] <= most[key] + (1 if key != "sent_first_set" else 0),
                   f"{server} {key}: the tap says {tap[key]}, the server {least[key]} to {most[key]}")
        if site != "A":
            continue
        frames = rows(report, "sender", server=server)[0]
        expect(frames["lost"] == 0 and frames["repeated"] == 0 and frames["strays"] == 0, frames)
        expect(frames["frames"] == frames["last_sequence"] - frames["first_sequence"] + 1, frames)
        for which, sequence in ((before, frames["first_sequence"] - 1), (after, frames["last_sequence"])):
            least_sent, most_sent = which[0][server]["frames_sent"], which[1][server]["frames_sent"]
            expect(least_sent <= sequence <= most_sent,
                   f"{server}: the tap is at frame {sequence}, the server between {least_sent} and {most_sent}")
        expect(after[0][server]["bytes_sent"] - before[1][server]["bytes_sent"] <= frames["bytes"]
               <= after[1][server]["bytes_sent"] - before[0][server]["bytes_sent"], f"{server}: bytes {frames}")
    for link in rows(report, "link"):
        # Messages of which a tap heard the last part alone when it began, or the first when it ended, are not whole.
        expect(link["messages"] > 0 and link["messages"] - link["decoded"] <= 4 and link["undecided"] == 0, link)
        expect(link["misnamed"] == link["malformed"] == link["unlooked"] == 0, link)


def check_dissector(capture: pathlib.Path, dissector: str, frames: int) -> None:
    lines = run("tshark", "-r", str(capture), "-X", f"lua_script:{dissector}", "-o", "garrison.port:7701", "-T", "fields", "-e", "frame.protocols",
                "-e", "_ws.col.Info", "-e", "_ws.malformed").splitlines()
    fields = [line.split("\t") for line in lines]
    expect(len(fields) == frames, f"{len(fields)} frames in the capture, {frames} in the account")
    unnamed = [line for line in fields if "garrison" not in line[0] or not line[1].strip() or "Unknown" in line[1]]
    expect(not unnamed, f"{len(unnamed)} frames that tshark does not know, the first: {unnamed[:1]}")
    malformed = [line for line in fields if len(line) > 2 and line[2]]
    expect(not malformed, f"{len(malformed)} malformed frames, the first: {malformed[:1]}")


def replay(*words: str) -> dict:
    return json.loads(run("garrison", "tap", "--json", "-k", "keys", "--read", *words))


def inside(dissector: str) -> None:
    """In the namespace of the hubs, in the folder of the laboratory."""
    plug()
    load()  # until what servers do at their start is over

    first = status()
    tap = Tap("--port", "af_packet:tapA", "--capture", "hub.pcapng", "--messages", "256")
    second = status()
    load()
    time.sleep(2)
    third = status()
    report = tap.stop()
    check_account(report, (first, second), (third, status()))
    expect(not guilty(report) and report["conditions"]["silent"], report["conditions"])
    heard = rows(report, "tap")[0]["frames"]
    expect(heard > 50 and report["conditions"]["capture_frames"] == heard, report["conditions"])
    expect(report["conditions"]["capture_dropped"] == 0, report["conditions"])
    again = json.loads(run("garrison", "tap", "--json", "-k", "keys", "--messages", "256", "--read", "hub.pcapng"))
    expect(again["results"] == report["results"], "a capture replayed gives another account")
    check_dissector(pathlib.Path("hub.pcapng"), dissector, heard)
    print(f"one tap: {heard} frames, its account is the servers'")

    both = Tap("--port", "af_packet:tapA", "af_packet:tapB", "--capture", "both.pcapng")
    tempt("tapA")
    load()
    report = both.stop()
    expect(len(rows(report, "tap")) == 2, report)
    senders = rows(report, "sender")
    expect(all(row["only_here"] == 0 for row in senders), senders)
    # A part that was asked for may be on its way when the taps end.
    parts = [(row["server"], row["only_at_0"], row["only_at_1"]) for row in rows(report, "server")]
    expect(sum(at_0 + at_1 for _, at_0, at_1 in parts) <= 2, parts)
    expect(rows(report, "refused", tap=0, reason="frame_not_ours")[0]["frames"] >= 20, rows(report, "refused"))
    expect(replay("both.pcapng")["results"] == replay("both.pcapng")["results"], "two replays differ")
    for interface in TAPS:
        expect(transmitted(interface) == 0, f"{transmitted(interface)} frames have left {interface}")
    print("two taps: they hear the same, and nothing leaves their ports")

    tap = Tap("--port", "af_packet:tapA")
    injected = {}
    for kind in (("forged",), ("wrong", "--bundle", "keys/A3.key")):
        liar = Tap("--port", "af_packet:tapA2", "--as", "A3", "--inject", *kind)
        load()
        time.sleep(2)
        injected[kind[0]] = liar.stop()["conditions"]["injected_frames"]
    report = tap.stop()
    expect(all(count > 0 for count in injected.values()), injected)
    expect(guilty(report) == ["A3"], rows(report, "guilty"))
    forged = {row["server"]: row["forged_in_its_name"] for row in rows(report, "server")}
    expect(all(forged[server] > 0 for server in ("A1", "A2", "A4")) and forged["A3"] == 0, forged)
    print(f"injected {injected}: A3 is named")


def main() -> int:
    if os.geteuid() != 0:
        print("skipped: network namespaces need root")
        return 77
    garrison, lab_net, dissector = (str(pathlib.Path(word).resolve()) for word in sys.argv[1:4])
    done = subprocess.run([lab_net, "run", "--garrison", garrison, "--delay", "5ms", "--set", "adaptive_sets=false", "--",
                           sys.executable, "-B", str(pathlib.Path(__file__).resolve()), "--inside", dissector],
                          check=False, stdin=subprocess.DEVNULL)
    print("passed" if done.returncode == 0 else f"failed: {done.returncode}")
    return done.returncode


if __name__ == "__main__":
    if sys.argv[1] == "--inside":
        inside(sys.argv[2])
        sys.exit(0)
    sys.exit(main())
