#!/usr/bin/env python3
"""Checks forwarder.pml in all its states, and that each of its mutations is caught.

usage: tests/spin/check.py [MUTATION]

Needs spin and a C compiler. A run takes a second or two. Exit status 1 when a model that must pass fails, or one that
must fail passes.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

MODEL = pathlib.Path(__file__).parent / "forwarder.pml"
MUST_PASS = ((), ("-DTHRESHOLD=3",), ("-DLATE_STARTS=3",))
LATE = ("-DLATE_STARTS=3",)
MUST_FAIL = tuple((f"-DMUTATION={i}", *(LATE if i == 6 else ())) for i in range(1, 8))


def explore(options: tuple[str, ...]) -> tuple[int, int, str]:
    """Errors, states, and what the first error is."""
    with tempfile.TemporaryDirectory() as folder:
        def run(*command: str) -> str:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
            return done.stdout

        run("spin", *options, "-a", str(MODEL))
        run("cc", "-O1", "-w", "-DSAFETY", "-o", "pan", "pan.c")
        report = run("./pan", "-m200000")
    counts = re.search(r"errors: (\d+)", report), re.search(r"(\d+) states, stored", report)
    if None in counts or "max search depth too small" in report:
        sys.exit(report)
    first = re.search(r"pan:1: (.*) \(at depth", report)
    return int(counts[0][1]), int(counts[1][1]), first[1] if first else ""


def main(arguments: list[str]) -> int:
    failed = False
    for options in MUST_PASS + MUST_FAIL:
        if arguments and f"-DMUTATION={arguments[0]}" not in options:
            continue
        errors, states, why = explore(options)
        right = (errors == 0) == (options in MUST_PASS)
        failed |= not right
        print(f"{'ok   ' if right else 'WRONG'} {' '.join(options) or 'as it is'}: {states} states, {why or 'no error'}",
              flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
