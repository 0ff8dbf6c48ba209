#!/usr/bin/env python3
"""Runs tests once as they are and once with each mutant.

usage: catch_mutants.py [--all] prime UNIT SCENARIO GARRISON [MUTANT ...]
       catch_mutants.py [--all] links UNIT [MUTANT ...]

Prints TAP. Without a mutant everything has to pass; with one something has to fail: a rule's own test, a scenario, or a
seed of the lab, whichever is first. --all goes on after the first and says who else catches it.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from mutants import PRIME_MUTANTS, SITE_MUTANTS

# Much more than any of them takes: a mutant that never ends is caught.
HANGS_S = 300
MEMORY_BYTES = 4 << 30
SITES = "PrimeAgreementTest.*:PrimeReconciliationTest.*:ViewChangeTest.*"  # slower than all other tests of the room
LINKS = "InquiriesTest.*:BlacklistingTest.*:LinkReceiverTest.*:HubDutiesTest.*:*/HubDutiesTest.*:*PairElection*"
ATTACKS = ("equivocate-pre-prepare", "equivocate-replay", "delay-leader:by=200ms")


def lab(*arguments: str) -> tuple[str, ...]:
    return ("lab", "sim", "--seed", "1", "--runs", "4", "--updates", "100", *arguments)


def link_checks(unit: str) -> list[tuple[str, tuple[str, ...]]]:
    return [("rules", (unit, "--gtest_brief=1", "--gtest_fail_fast", f"--gtest_filter={LINKS}"))]


def prime_checks(unit: str, scenario: str, garrison: str) -> list[tuple[str, tuple[str, ...]]]:
    briefly = ("--gtest_brief=1", "--gtest_fail_fast")
    out = [("rules", (unit, *briefly, f"--gtest_filter=-{SITES}")), ("sites", (unit, *briefly, f"--gtest_filter={SITES}")),
           ("scenario", (scenario, "--gtest_brief=1")), ("lab", (garrison, *lab()))]
    for specs in ATTACKS:
        out.append((f"lab {specs}", (garrison, *lab("--adversary", specs, "--faulty", "A2", "--unseat-leaders"))))
    out.append(("lab random", (garrison, *lab("--adversary", "random", "--faulty", "2", "--f", "2"))))
    return out


def failure(command: tuple[str, ...], mutant: str) -> str | None:
    """What fails first, as one line; None when all passes."""
    environment = {**os.environ, "MUTANT": mutant}
    try:
        done = subprocess.run(("prlimit", f"--as={MEMORY_BYTES}", *command), capture_output=True, text=True,
                              errors="replace", env=environment, timeout=HANGS_S, check=False)
    except subprocess.TimeoutExpired:
        return "never ends"
    if done.returncode == 0:
        return None
    if found := re.search(r"\[  FAILED  \] (\S+)", done.stdout):
        return found.group(1).rstrip(",")
    if found := re.search(r"garrison: (seed \d+: .*)", done.stderr):
        return found.group(1)
    last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
    return last[0] if last else f"exit status {done.returncode}"


def caught(mutant: str, all_of_them: bool, commands: list[tuple[str, tuple[str, ...]]]) -> list[str]:
    by = []
    for name, command in commands:
        if (what := failure(command, mutant)) is None:
            continue
        by.append(f"{name}: {what}")
        if not all_of_them:
            break
    return by


def main(arguments: list[str]) -> int:
    all_of_them = "--all" in arguments
    what, *words = [word for word in arguments if word != "--all"]
    checks, programs, known = {"prime": (prime_checks, 3, PRIME_MUTANTS), "links": (link_checks, 1, SITE_MUTANTS)}[what]
    commands = checks(*words[:programs])
    mutants = words[programs:] or [mutant[0] for mutant in known]
    print(f"1..{1 + len(mutants)}", flush=True)
    wrong = caught("", True, commands)
    print(f"{'not ok' if wrong else 'ok'} 1 - without mutants everything passes", flush=True)
    for line in wrong:
        print(f"# {line}", flush=True)
    failed = bool(wrong)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda mutant: caught(mutant, all_of_them, commands), mutants)
        for number, (mutant, by) in enumerate(zip(mutants, results), start=2):
            print(f"{'ok' if by else 'not ok'} {number} - {mutant}", flush=True)
            for line in by:
                print(f"# {line}", flush=True)
            failed = failed or not by
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
