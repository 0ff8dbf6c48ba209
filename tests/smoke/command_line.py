#!/usr/bin/env python3
"""The program as someone meets it who types things wrong: one clear line on standard error, the right exit status,
never a crash or a hang.

usage: command_line.py GARRISON
"""
import pathlib
import re
import subprocess
import sys
import tempfile

GARRISON = str(pathlib.Path(sys.argv[1]).resolve())
FAILED = 0


def case(what: str, words: list[str], status: int, pattern: str, cwd: str, stdout=subprocess.PIPE) -> None:
    global FAILED
    result = subprocess.run([GARRISON, *words], cwd=cwd, text=True, stdin=subprocess.DEVNULL, stdout=stdout,
                            stderr=subprocess.PIPE, timeout=300, check=False)
    text = (result.stdout or "") if status == 0 else result.stderr
    one_line = status == 0 or all(line.startswith("garrison: ") for line in result.stderr.splitlines())
    if result.returncode != status or not re.search(pattern, text) or not one_line:
        FAILED += 1
        print(f"FAILED: {what}: exit {result.returncode}, wanted {status} and /{pattern}/ in {text!r}, "
              f"stderr {result.stderr!r}")
    else:
        print(f"ok: {what}")


def edited(source: pathlib.Path, target: pathlib.Path, old: str, new: str) -> str:
    text = source.read_text()
    assert old in text, f"{old!r} is not in the new topology"
    target.write_text(text.replace(old, new, 1))
    return str(target)


with tempfile.TemporaryDirectory(prefix="garrison-cli-") as folder:
    work = pathlib.Path(folder)
    case("help", ["--help"], 0, "demo", folder)
    case("version", ["--version"], 0, "garrison", folder)
    case("no command", [], 2, "help", folder)
    case("unknown command", ["frobnicate"], 2, "frobnicate|help", folder)
    case("unknown flag", ["demo", "--no-such-flag"], 2, "no-such-flag", folder)
    case("flag out of range", ["demo", "--servers", "5"], 2, "servers|--servers", folder)
    case("bench with nonsense", ["bench", "order", "--clients", "many"], 2, "many|clients", folder)
    case("bench crypto with nonsense", ["bench", "crypto", "--milliseconds", "-1"], 2, "milliseconds", folder)
    case("bench crypto", ["bench", "crypto", "--json", "--milliseconds", "1"], 0,
         r'(?s)"op": "ed25519-sign".*"op": "threshold-combine".*"op": "threshold-batch"', folder)
    case("bench link with nonsense", ["bench", "link", "--port", "carrier-pigeon"], 2, "port", folder)
    case("bench link", ["bench", "link", "--json", "--milliseconds", "5", "--message", "1,1400,131072"], 0,
         r'(?s)"bare_port_ratio".*"coding_only_parts_per_s".*"goodput_gbps".*"tx_parts_per_s"', folder)
    for port in ("inproc", "net_ring"):
        case(f"bench link --measure limit over {port}",
             ["bench", "link", "--json", "--measure", "limit", "--port", port, "--milliseconds", "5", "--in-flight", "32"], 0,
             r'(?s)"link": "hub".*"messages_checked".*"overhearing".*"of_limit".*"of_limit"', folder)
    case("bench link with a code that is none", ["bench", "link", "--measure", "limit", "--code", "5,7"], 2, "--code", folder)
    case("bench link --measure limit with --f", ["bench", "link", "--measure", "limit", "--f", "2"], 2,
         "--f is for --measure channels", folder)
    for option in (["--code", "4,2"], ["--in-flight", "64"]):
        case(f"bench link --measure channels with {option[0]}", ["bench", "link", *option], 2,
             f"{option[0]} is for --measure limit", folder)
    case("bench link --measure channels over net_ring", ["bench", "link", "--port", "net_ring"], 2, "inproc alone", folder)
    case("bench link with a part longer than a frame",
         ["bench", "link", "--measure", "limit", "--message", "9000"], 1, "does not fit a frame", folder)
    case("adversaries", ["lab", "adversaries"], 0, "delay-leader.*\n.*leader", folder)
    case("no such adversary", ["lab", "sim", "--adversary", "shouting"], 2, "there are: silent", folder)
    case("too many faulty servers", ["lab", "sim", "--adversary", "silent", "--faulty", "2"], 2, "1 to 1", folder)
    case("no such fault", ["bench", "order", "--fault", "shouting"], 2, "there are: silent", folder)
    case("new", ["new", "-t", "site.toml"], 0, "", folder)
    case("new with BFT", ["new", "-t", "bft.toml", "--protocol", "bft"], 0, "", folder)
    case("BFT is explained", ["explain", "-t", "bft.toml"], 0, "bft: the leader is suspected", folder)
    case("unknown protocol", ["new", "-t", "x.toml", "--protocol", "paxos"], 2, "paxos|protocol", folder)
    case("new with two sites", ["new", "-t", "two.toml", "--sites", "2"], 0, "2 sites of 4 servers", folder)
    case("two sites are checked", ["check", "-t", "two.toml"], 0,
         r"2 sites, F = 0, quorum 2 \(the loss of either site stops the other\), each of 4 servers, f = 1", folder)
    case("and explained", ["explain", "-t", "two.toml"], 0, "(?s)4 parts, any 2.*a tick every", folder)
    case("several sites run as a whole", ["run", "-t", "two.toml", "--server", "Z9"], 2, "Z9 is no server", folder)
    case("nobody home at either site", ["status", "-t", "two.toml"], 1,
         "(?s)A1 does not answer.*of site A are silent.*B4 does not answer.*of site B are silent", folder)
    case("gateway between sites", ["gateway", "-t", "two.toml", "--clients", "c3,c2"], 2,
         "client c3 is of site A, and c2 of site B; a gateway speaks to one site", folder)
    case("too few sites", ["new", "-t", "x.toml", "--sites", "6", "--f-global", "2"], 2, "make it 7 sites", folder)
    case("F of one site", ["new", "-t", "x.toml", "--f-global", "1"], 2, "one site alone has no F", folder)
    case("link of one site", ["new", "-t", "x.toml", "--link", "erasure"], 2, "one site alone has no link", folder)
    case("wan port of one site", ["new", "-t", "x.toml", "--wan-port", "inproc"], 2, "one site alone has no wan port",
         folder)
    for link in ("naive", "forwarder", "hub-optimistic", "hub-minimum-parts", "hub-immediate", "blink"):
        case(f"new with {link}", ["new", "-t", f"{link}.toml", "--sites", "2", "--link", link], 0, "", folder)
        case(f"check of {link}", ["check", "-t", f"{link}.toml"], 0, "sound: ", folder)
        case(f"explain of {link}", ["explain", "-t", f"{link}.toml"], 0, link, folder)
    case("unknown link", ["new", "-t", "x.toml", "--sites", "2", "--link", "hub"], 2, "hub|link", folder)
    case("new does not overwrite", ["new", "-t", "site.toml"], 2, "site.toml", folder)
    case("missing topology", ["check", "-t", "none.toml"], 2, "none.toml", folder)
    case("check", ["check", "-t", "site.toml"], 0, "sound", folder)
    case("keys", ["keys", "-t", "site.toml"], 0, "", folder)
    case("keys are not overwritten", ["keys", "-t", "site.toml"], 2, "exist|overwrit", folder)
    case("keys belong", ["check", "-t", "site.toml", "-k", "keys"], 0, "sound", folder)
    site = work / "site.toml"
    edited(site, work / "signs.toml", '# site_scheme = "shoup-rsa2048"', 'site_scheme = "shoup-rsa2048"')
    case("keys of a site", ["keys", "-t", "signs.toml", "-k", "site-keys"], 0, "", folder)
    case("they belong", ["check", "-t", "signs.toml", "-k", "site-keys"], 0, "sound", folder)
    case("keys of no site", ["check", "-t", "signs.toml", "-k", "keys"], 1, "no one-correct key of site A", folder)
    case("unknown key", ["check", "-t", edited(site, work / "a.toml", "eager =", "eagre =")], 2,
         r"a\.toml:\d+:\d+: .*eagre", folder)
    case("wrong type", ["check", "-t", edited(site, work / "b.toml", "eager = true", 'eager = "yes"')], 2,
         r"b\.toml:\d+:\d+: ", folder)
    case("not TOML", ["check", "-t", edited(site, work / "c.toml", "[system]", "[system")], 2, r"c\.toml:\d+:\d+: ",
         folder)
    case("tick above a period", ["check", "-t", edited(work / "two.toml", work / "e.toml", 'tick = "10ms"', 'tick = "60ms"')],
         2, r"e\.toml:\d+:\d+: po_request_period is 50ms, .*; raise it", folder)
    (work / "d.toml").write_bytes(bytes(range(256)))
    case("garbage topology", ["check", "-t", "d.toml"], 2, r"d\.toml", folder)
    case("unknown server", ["run", "-t", "site.toml", "--server", "B9"], 2, "B9", folder)
    case("one in-process server alone", ["run", "-t", "site.toml", "--server", "A1"], 1, "inproc", folder)
    case("faulty server that does not exist", ["run", "-t", "site.toml", "--adversary", "silent", "--faulty", "A9"], 2,
         "A9", folder)
    case("missing keys", ["run", "-t", "site.toml", "-k", "nowhere"], 2, "nowhere", folder)
    (work / "keys" / "A1.key").chmod(0o644)
    case("key file open to others", ["run", "-t", "site.toml"], 2, "A1.key.*chmod 600|chmod 600.*A1.key", folder)
    case("check finds it", ["check", "-t", "site.toml", "-k", "keys"], 1, "A1.key", folder)
    (work / "keys" / "A1.key").chmod(0o600)
    text = (work / "keys" / "A1.key").read_text()
    (work / "keys" / "A1.key").write_text(text[: len(text) // 2])
    case("truncated key file", ["run", "-t", "site.toml"], 2, "A1.key", folder)
    (work / "keys" / "A1.key").write_text(text)
    case("nobody to look at", ["top", "-t", "site.toml"], 1, "no server of site.toml answers", folder)
    case("no time between looks", ["top", "-t", "site.toml", "--interval", "0"], 2, "interval", folder)
    case("nobody home", ["status", "-t", "site.toml"], 1, "A1 does not answer", folder)
    case("client with nobody home", ["client", "get", "k", "-t", "site.toml", "--deadline", "2"], 1, "garrison: ",
         folder)
    case("no such reads", ["client", "get", "k", "--reads", "never"], 2, "--reads", folder)
    case("full disk", ["new", "-t", "/dev/full/x.toml"], 2, "/dev/full|x.toml", folder)
    with open("/dev/full", "w", encoding="utf-8") as full:
        case("output cannot be written", ["--help"], 1, "standard output|written", folder, stdout=full)

print("passed" if FAILED == 0 else f"{FAILED} failed")
sys.exit(1 if FAILED else 0)
