#!/usr/bin/env python3
"""`garrison host check` on whatever machine this is: it says what there is, crashes over nothing, and changes nothing.

usage: host.py GARRISON
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

GARRISON = str(pathlib.Path(sys.argv[1]).resolve())


def run(folder: str, *words: str, status: int) -> str:
    result = subprocess.run([GARRISON, *words], cwd=folder, text=True, stdin=subprocess.DEVNULL, capture_output=True,
                            timeout=120, check=False)
    said = f"{words}: exit {result.returncode}, {result.stdout!r}, {result.stderr!r}"
    assert result.returncode == status, f"wanted {status}: {said}"
    if status == 2:
        assert re.fullmatch(r"garrison: [^\n]+\n", result.stderr), said
    return result.stdout + result.stderr


def rows(text: str, kind: str) -> list[dict[str, str]]:
    found = json.loads(text)
    assert found["conditions"]["findings"] == sum(row["kind"] == "finding" for row in found["results"])
    assert all(isinstance(value, str) for row in found["results"] for value in row.values()), "rows are flat"
    return [row for row in found["results"] if row["kind"] == kind]


def default_route() -> str | None:
    for line in pathlib.Path("/proc/net/route").read_text().splitlines()[1:]:
        words = line.split()
        if words[1] == words[7] == "00000000" and pathlib.Path(f"/sys/class/net/{words[0]}").exists():
            return words[0]
    return None


with tempfile.TemporaryDirectory(prefix="garrison-host-") as folder:
    # This machine alone: it may be fit or not.
    alone = subprocess.run([GARRISON, "host", "check", "--json"], capture_output=True, text=True, timeout=120, check=False)
    findings = rows(alone.stdout, "finding")
    assert alone.returncode == (1 if findings else 0), alone
    topics = {row["topic"] for row in rows(alone.stdout, "fact")}
    assert {"hugepages", "iommu", "cores", "governor", "smt", "route", "neighbours"} <= topics, topics
    assert all(row["commands"] or row["advice"] for row in findings), "a finding without a way out"
    text = run(folder, "host", "check", status=alone.returncode)
    assert all(row["text"] in text for row in findings), text
    if findings:
        assert "nothing was changed" in run(folder, "host", "init", status=1) or not any(
            row["commands"] for row in findings)
        planned = run(folder, "host", "init", "--dry-run", status=0)
        assert all(line in planned for row in findings for line in row["commands"].splitlines()), planned
        again = subprocess.run([GARRISON, "host", "check", "--json"], capture_output=True, text=True, timeout=120,
                               check=False)
        assert [row["text"] for row in rows(again.stdout, "finding")] == [row["text"] for row in findings]

    # Servers inside one process need nothing of it.
    run(folder, "new", "-t", "inside.toml", status=0)
    assert rows(run(folder, "host", "check", "-t", "inside.toml", "--json", status=0), "finding") == []
    assert "poll-0" in run(folder, "explain", "-t", "inside.toml", status=0)
    # Ports on interfaces that are not there.
    run(folder, "new", "-t", "ports.toml", "--port", "af_packet:garrison-none", "--host", "127.0.0.1", status=0)
    missing = rows(run(folder, "host", "check", "-t", "ports.toml", "--server", "A2", "--json", status=1), "finding")
    assert [row["subject"] for row in missing] == ["garrison-none"], missing
    assert "lan of A2" in missing[0]["text"] and missing[0]["commands"] == "", missing
    assert "none of this can be done by a command" in run(folder, "host", "init", "-t", "ports.toml", "--yes", status=1)
    # The port that this machine lives by.
    if (lifeline := default_route()) is not None:
        run(folder, "new", "-t", "lifeline.toml", "--port", f"af_packet:{lifeline}", status=0)
        refused = rows(run(folder, "host", "check", "-t", "lifeline.toml", "--server", "A1", "--json", status=1), "finding")
        assert len(refused) == 1 and "carries the default route" in refused[0]["text"], refused
        assert refused[0]["commands"] == "", refused
    # A CPU that is not there, with its place in the file.
    text = (pathlib.Path(folder) / "ports.toml").read_text()
    place = text[: text.index("# [[cores.worker]]")].count("\n") + 3
    (pathlib.Path(folder) / "cpu.toml").write_text(
        text.replace("# [[cores.worker]]", '[[cores.worker]]\nservers = ["A1"]\ncpu = 1023\n# [[cores.worker]]', 1))
    said = run(folder, "host", "check", "-t", "cpu.toml", "--server", "A1", status=2)
    assert f"cpu.toml:{place}:7: CPU 1023 does not exist on this machine; use one of" in said, said
    assert f"none: cpu.toml:{place}:7: CPU 1023" in run(folder, "explain", "-t", "cpu.toml", "--server", "A1", status=0)

    run(folder, "host", status=2)
    run(folder, "host", "mend", status=2)
    run(folder, "host", "check", "--yes", status=2)
    run(folder, "host", "check", "-t", "none.toml", status=2)
    run(folder, "host", "check", "--server", "A1", status=2)
    run(folder, "host", "check", "-t", "ports.toml", "--server", "Z9", status=2)
    run(folder, "host", "init", "--yes", "--dry-run", status=2)
    run(folder, "new", "-t", "far.toml", "--port", "af_packet:eth1", "--host", "203.0.113.1", status=0)
    assert "name those that are to run here with --server" in run(folder, "host", "check", "-t", "far.toml", status=2)
print("ok")
