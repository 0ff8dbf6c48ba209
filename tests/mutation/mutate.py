#!/usr/bin/env python3
"""Writes one source file with its mutants in it: mutate.py SOURCE RESULT. Fails when a mutant's text is gone."""

import json
import pathlib
import re
import sys

from mutants import PRIME_MUTANTS, SITE_MUTANTS


def main(source: str, result: str) -> None:
    path = pathlib.Path(source)
    text = path.read_text(encoding="utf-8")
    for name, file, old, new in PRIME_MUTANTS + SITE_MUTANTS:
        if file != path.name:
            continue
        if text.count(old) != 1:
            sys.exit(f"mutant {name}: its text stands {text.count(old)} times in {file}: {old}")
        text = text.replace(old, re.sub(r"\bON\b", f"::garrison::mutation::on({json.dumps(name)})", new))
    pathlib.Path(result).write_text('#include "tests/mutation/mutation.h"\n' + text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
