#!/usr/bin/env python3
"""What a running site tells Prometheus: promtool accepts metrics and alert rules, the numbers are those of the status,
/livez and /readyz answer, every metric is in docs/metrics.md, and a Prometheus scrapes the site. `garrison top` shows it.

usage: metrics.py GARRISON SOURCE_ROOT

Without the programs of Debian's package prometheus on the PATH, or where tools/setup keeps them, it exits 77 (skipped).
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

GARRISON = str(pathlib.Path(sys.argv[1]).resolve())
ROOT = pathlib.Path(sys.argv[2])
KEPT = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "garrison/prometheus/usr/bin"
LONGEST_WAIT_S = 240


def tool(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=str(KEPT))
    if found is None:
        print(f"skipped: there is no {name}; run tools/setup")
        sys.exit(77)
    return found


def sh(*words: str, **options) -> subprocess.CompletedProcess:
    done = subprocess.run(words, text=True, capture_output=True, timeout=LONGEST_WAIT_S, check=False, **options)
    assert done.returncode == 0, f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def get(address: str, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def values(text: str) -> dict[str, float]:
    """By name and labels, as written."""
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
            for line in text.splitlines() if line and not line.startswith("#")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, what: str) -> None:
    end = time.monotonic() + LONGEST_WAIT_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def check_documented(text: str) -> None:
    known = set(re.findall(r"`(garrison_\w+)`", (ROOT / "docs/metrics.md").read_text()))
    told = set(re.findall(r"^# TYPE (garrison_\w+)", text, re.MULTILINE))
    assert told and told <= known, f"not in docs/metrics.md: {sorted(told - known)}"


def scrape(prometheus: str, work: pathlib.Path, targets: list[str]) -> None:
    port = free_port()
    config = work / "prometheus.yml"
    config.write_text(json.dumps({
        "global": {"scrape_interval": "1s"},
        "rule_files": [str(ROOT / "tools/prometheus/garrison.rules.yml")],
        "scrape_configs": [{"job_name": "garrison", "static_configs": [{"targets": targets}]}]}))
    process = subprocess.Popen([prometheus, f"--config.file={config}", f"--storage.tsdb.path={work / 'tsdb'}",
                                f"--web.listen-address=127.0.0.1:{port}"],
                               stdout=subprocess.DEVNULL, stderr=(work / "prometheus.log").open("w"))
    try:
        def scraped() -> bool:
            assert process.poll() is None, (work / "prometheus.log").read_text()
            try:
                _, body = get(f"127.0.0.1:{port}", "/api/v1/query?query=sum(garrison_running)%20and%20sum(up)==4")
            except (urllib.error.URLError, ConnectionError):
                return False
            return [row["value"][1] for row in json.loads(body)["data"]["result"]] == [str(len(targets))]
        until(scraped, "Prometheus has not scraped all servers")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def main() -> None:
    promtool, prometheus = tool("promtool"), tool("prometheus")
    sh(promtool, "check", "rules", str(ROOT / "tools/prometheus/garrison.rules.yml"))
    with tempfile.TemporaryDirectory(prefix="garrison-metrics-") as folder:
        work = pathlib.Path(folder)
        sh(GARRISON, "new", "--servers", "4", "-t", "site.toml", cwd=folder)
        # Ports that nobody has.
        text = (work / "site.toml").read_text()
        text = re.sub(r'^(client|admin) = "127.0.0.1:\d+"', lambda line: f'{line[1]} = "127.0.0.1:{free_port()}"', text,
                      flags=re.MULTILINE)
        (work / "site.toml").write_text(text)
        admins = re.findall(r'^admin = "([^"]+)"', text, re.MULTILINE)
        assert len(admins) == 4, admins
        sh(GARRISON, "keys", "-t", "site.toml", "-k", "keys", cwd=folder)
        site = subprocess.Popen([GARRISON, "run", "-t", "site.toml", "-k", "keys", "--state", "state"], cwd=folder,
                                stdout=subprocess.PIPE, text=True)
        try:
            for _ in range(4):
                assert " runs: " in site.stdout.readline()
            for value in ("1", "2", "3"):
                sh(GARRISON, "client", "-t", "site.toml", "-k", "keys", "--deadline", str(LONGEST_WAIT_S), "put", "k",
                   value, cwd=folder)
            for admin, name in zip(admins, ("A1", "A2", "A3", "A4")):
                code, text = get(admin, "/metrics")
                assert code == 200
                sh(promtool, "check", "metrics", input=text)
                check_documented(text)
                until(lambda: values(get(admin, "/metrics")[1])[
                    f'garrison_updates_executed_total{{server="{name}",site="A"}}'] == 3, f"{name} has executed three")
                # What rises is between what the status says before and after.
                before = json.loads(get(admin, "/status")[1])
                now = values(get(admin, "/metrics")[1])
                after = json.loads(get(admin, "/status")[1])
                for key, metric in (("frames_sent", f'garrison_frames_sent_total{{server="{name}",site="A",port="lan"}}'),
                                    ("messages_verified", f'garrison_messages_verified_total{{server="{name}",site="A"}}')):
                    assert 0 < before[key] <= now[metric] <= after[key], (before[key], now[metric], after[key])
                assert now[f'garrison_view{{server="{name}",site="A",protocol="local"}}'] == before["view"]
                assert get(admin, "/livez") == (200, "ok\n")
                until(lambda: get(admin, "/readyz") == (200, "ok\n"), f"{name} is not ready")
            screen = sh(GARRISON, "top", "-t", "site.toml", "--interval", "0.2", "--times", "2", cwd=folder).stdout
            assert screen.count("4 of 4 servers answer") == 2, screen
            assert all(re.search(rf"^A{i} .* runs$", screen, re.MULTILINE) for i in range(1, 5)), screen
            scrape(prometheus, work, admins)
        finally:
            site.send_signal(signal.SIGTERM)
            assert site.wait(timeout=60) == 0, "exit status of the site"
    print("passed")


main()
