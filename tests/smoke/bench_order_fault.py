#!/usr/bin/env python3
"""A leader that crashes or is slow half way through `garrison bench order` is replaced, and updates go on.

usage: bench_order_fault.py GARRISON
"""
import json
import subprocess
import sys

ATTEMPTS = 4


def run(garrison: str, fault: str, attempts: int = ATTEMPTS) -> str | None:
    """What is wrong, or None."""
    done = subprocess.run([garrison, "bench", "order", "--clients", "10", "--payload", "0", "--seconds", "3", "--warmup",
                           "1", "--client-signatures", "ed25519", "--json", "--fault", fault],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=120)
    if done.returncode != 0:
        return f"exit status {done.returncode}: {done.stderr[-500:]}"
    row = json.loads(done.stdout)["results"][0]
    report = row["fault"]
    if report["updates_per_s_before"] == 0 or report["updates_per_s_after"] == 0:
        return f"nothing was ordered before or after: {report}"
    if report["view"] == 0 or report["view_change_ms"] is None:
        return f"no view change: {report}"
    if fault == "leader-slow" and "never" in row["acted"]:
        # On a busy machine a correct leader may be replaced, too, and the faulty one before it has begun.
        if attempts > 1:
            return run(garrison, fault, attempts - 1)
        return f"the adversary did nothing: {row['acted']}"
    print(f"{fault}: {report}")
    return None


def main() -> int:
    faults = {fault: run(sys.argv[1], fault) for fault in ("leader-crash", "leader-slow")}
    for fault, wrong in faults.items():
        if wrong is not None:
            print(f"FAILED {fault}: {wrong}")
    return 1 if any(faults.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
