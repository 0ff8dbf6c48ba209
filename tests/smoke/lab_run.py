#!/usr/bin/env python3
"""Runs a small experiment as a user does: results, files, faults, and an end by Ctrl-C.

usage: lab_run.py GARRISON SOURCE_ROOT
"""
import csv
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

KEYS = {"series", "clients", "updates_per_s", "latency_mean_ms", "p50_ms", "p99_ms", "limit_updates_per_s", "paper",
        "egress_bytes_per_update"}
EXPERIMENT = """title = "Small"
[run]
warmup = "500ms"
measure = "1s"
cost_table = "xeon-2006"
[network]
delay = "5ms"
egress_kbit_per_s = 10_000
[workload]
clients = [4, 8]
payload_bytes = 100
[[series]]
name = "plain"
paper = [{ clients = 8, updates_per_s = 99 }]
[[series]]
name = "no-such-adversary"
adversary = ["A1=nobody"]
"""


SITES = """title = "Hubs and colluding pairs"
[run]
warmup = "1s"
measure = "1s"
cost_table = "zen5"
[site]
server_signatures = "ed25519"
client_signatures = "ed25519"
[sites]
count = 4
signatures = "rsa2048"
[wan]
delay = "5ms"
egress_kbit_per_s = 100_000
[workload]
clients = [8]
[[series]]
name = "hub"
sites = { link = "hub-optimistic" }
[[series]]
name = "late-pairs"
sites = { link = "blink", blink_liars = "late" }
"""


def run(*words):
    return subprocess.run([garrison, "lab", *words], capture_output=True, text=True, timeout=120)


def expect(fact, what):
    if not fact:
        sys.exit(f"lab_run: {what}")


def check_results(experiment, out):
    done = run("run", str(experiment), "--out", str(out), "--json")
    expect(done.returncode == 0, done.stderr)
    expect("no-such-adversary is left out" in done.stderr, "a series that cannot run is named")
    printed = json.loads(done.stdout)
    expect(sorted(path.name for path in out.iterdir()) ==
           ["small-latency.svg", "small-throughput.svg", "small.csv", "small.json"], "four files are written")
    expect(json.loads((out / "small.json").read_text()) == printed, "the file holds what is printed")
    rows = printed["results"]
    expect([row["clients"] for row in rows] == [4, 8], "one row per point, in order")
    for row in rows:
        expect(KEYS <= row.keys() and row["updates_per_s"] > 0 and row["violation"] is None, str(row))
    expect(rows[0]["paper"] is None and rows[1]["paper"] == 99, "the paper's value or null")
    expect(printed["conditions"]["series"]["plain"]["cost_table"] == "xeon-2006", "conditions are stated")
    lines = list(csv.DictReader((out / "small.csv").open()))
    expect([line["clients"] for line in lines] == ["4", "8"] and KEYS <= lines[0].keys(), "the CSV has the same rows")
    for figure in out.glob("*.svg"):
        xml.etree.ElementTree.parse(figure)


def check_faults(experiment, out):
    done = run("run", str(experiment), "--series", "no-such-adversary", "--out", str(out))
    expect(done.returncode == 2 and f"{experiment}:17:13: " in done.stderr, done.stderr)
    broken = experiment.with_name("broken.toml")
    broken.write_text(EXPERIMENT.replace("delay =", "dellay ="))
    done = run("run", str(broken), "--out", str(out))
    expect(done.returncode == 2 and f"{broken}:7:1: unknown key" in done.stderr, done.stderr)
    broken.unlink()


# Where the bytes between sites go; of sites whose first server is faulty, too.
def check_bytes(experiment, out):
    sites = experiment.with_name("sites.toml")
    sites.write_text(SITES)
    done = run("run", str(sites), "--out", str(out / "sites"), "--bytes", "--links")
    expect(done.returncode == 0, done.stderr)
    for line in ("hub, 8 clients", "LINK-PART", "parts per message", "late-pairs, 8 clients", "1.000 to 1.333", "6 to 8"):
        expect(line in done.stdout, f"{line}: {done.stdout}")
    for row in json.loads((out / "sites" / "sites.json").read_text())["results"]:
        sent = sum(row["egress_bytes_per_update_by"].values())
        if row["series"] == "hub":  # [ARCH] Table 1; what the edges of the measured time cut off is little
            expect(0.95 < row["link"]["overhead"] < 1.4 and 5.7 < row["link"]["orderings"] < 8.4, str(row["link"]))
        expect(row["violation"] is None and abs(sent - row["egress_bytes_per_update"]) < 0.01 * sent + 1, str(row))


def check_interruption(experiment, out):
    words = [garrison, "lab", "run", str(experiment), "--clients", "500,501,502", "--out", str(out)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()  # the head of the table: it has begun, and takes its signals
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        expect(process.returncode == 130, f"exit status {process.returncode} after Ctrl-C")
    expect(not out.exists(), "nothing is written after Ctrl-C")


def main():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "experiments").mkdir()
        (folder / "cost-tables").symlink_to(root / "tools/cost-tables")
        experiment = folder / "experiments" / "small.toml"
        experiment.write_text(EXPERIMENT)
        check_results(experiment, folder / "out")
        check_faults(experiment, folder / "faulty")
        check_bytes(experiment, folder)
        slow = experiment.with_name("slow.toml")
        slow.write_text(EXPERIMENT.replace('measure = "1s"', 'measure = "1000s"'))
        check_interruption(slow, folder / "interrupted")
    listed = run("list", str(root / "tools/experiments"))
    expect(listed.returncode == 0 and "prime-fig5-6.toml" in listed.stdout, listed.stderr)
    print("lab_run: all as it should be")


garrison, root = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2]).resolve()
main()
