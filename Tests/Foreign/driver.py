"""Runs the shared OAuth cases through the real service and says, case by case, whether it did as they expect.

    driver.py --cases FILE --credence BINARY [--only TEXT] [--parallel N] [--rounds N] [--verbose]

One line a case, `pass|fail|skip ID reason`; then a table, and `N passed, N failed, N skipped`. README.md says more.
"""

import argparse
import collections
import os
import random
import shutil
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import cases as caselib  # noqa: E402
import profiles  # noqa: E402
from keys import Keys  # noqa: E402
from replay import Replay  # noqa: E402
from rounds import Round  # noqa: E402
from service import Binary  # noqa: E402

class Run:
    def __init__(self, options, folder):
        self.folder, self.verbose, self.parallel = folder, options.verbose, max(1, options.parallel)
        self.shared = os.path.abspath(options.replay)
        self.binary = Binary(options.credence)
        self.cases = [case for case in caselib.load(options.cases) if options.only in case.id]
        self.keys = Keys(os.path.join(folder, "keys"))
        os.makedirs(os.path.join(folder, "keys"))
        self.replay = Replay(self.shared, self.cases, self.keys, folder)
        self._write_profiles()

    def _write_profiles(self):
        """All of them; those that the service refuses are set aside, since it starts with none of them."""
        self.good_profiles = os.path.join(self.folder, "providers")
        os.makedirs(self.good_profiles)
        for case in self.cases:
            profiles.write(case, self.replay, os.path.join(self.good_profiles, f"{case.name}.json"))
        self.refused = {}
        for name, problem in self.binary.problems(self.good_profiles).items():
            self.refused[name.removesuffix(".json")] = problem
            os.remove(os.path.join(self.good_profiles, name))

    def order(self, shuffled):
        order = list(self.cases)
        if shuffled:
            random.shuffle(order)
        return sorted(order, key=lambda case: not case.is_slow)


def known_should():
    """ID and reason of the `should` cases that are known to fail."""
    path = os.path.join(HERE, "known-should.txt")
    with open(path, encoding="utf-8") as lines:
        pairs = [line.split(None, 1) for line in lines if line.strip() and not line.startswith("#")]
    return {pair[0]: pair[1].strip() if len(pair) > 1 else "" for pair in pairs}


def table(results):
    counts = collections.defaultdict(lambda: collections.Counter())
    for result in results:
        counts[result.case.kind][result.case.strength, result.verdict] += 1
    width = max(len(kind) for kind in counts)
    print(f"\n{'kind':{width}}   " + "".join(f"{strength:>10}" for strength in caselib.STRENGTHS))
    total = collections.Counter()
    for kind in sorted(counts):
        total.update(counts[kind])
        print(f"{kind:{width}}   " + cells(counts[kind]))
    print(f"{'all':{width}}   " + cells(total))


def cells(count):
    text = ""
    for strength in caselib.STRENGTHS:
        of = sum(count[strength, verdict] for verdict in ("pass", "fail", "skip"))
        text += f"{str(count[strength, 'pass']) + '/' + str(of) if of else '-':>10}"
    return text


def verdict_of(results, faults, differing, known):
    """Whether all is as it must be: a `should` may fail when it is known to."""
    unexpected = [
        result
        for result in results
        if result.verdict == "fail" and not (result.case.strength == "should" and result.case.id in known)
    ]
    return not (unexpected or faults or differing)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", required=True, metavar="FILE")
    parser.add_argument("--credence", required=True, metavar="BINARY")
    parser.add_argument("--replay", required=True, metavar="DIR", help="the folder with replay_as.py")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose ID holds this")
    parser.add_argument("--parallel", type=int, default=8, metavar="N")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="more than one: shuffled, and compared")
    parser.add_argument("--verbose", action="store_true", help="every step of a case that fails")
    parser.add_argument("--keep", action="store_true", help="leave the folder with logs and profiles")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="credence-foreign-")
    run = None
    try:
        run = Run(options, folder)
        if not run.cases:
            print("no case's ID holds that", file=sys.stderr)
            return 2
        return play(run, options)
    finally:
        if run:
            run.replay.stop()
        if options.keep:
            print(f"left {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def play(run, options):
    start, known, faults, by_case = time.monotonic(), known_should(), [], collections.defaultdict(list)
    for number in range(1, options.rounds + 1):
        if options.rounds > 1:
            print(f"round {number} of {options.rounds}", flush=True)
        this = Round(run, number, run.order(options.rounds > 1))
        faults += this.play(lambda result: show(result, options))
        for result in this.results:
            by_case[result.case.id].append(result)
    differing = [cid for cid, results in by_case.items() if len({result.verdict for result in results}) > 1]
    for cid in differing:
        print(f"differs {cid} " + ", ".join(result.verdict for result in by_case[cid]))
    for fault in faults:
        print(f"fail service {fault}")
    # Over several rounds the worst counts.
    rank = {"fail": 0, "skip": 1, "pass": 2}
    results = [min(results, key=lambda result: rank[result.verdict]) for results in by_case.values()]
    table(results)
    for result in results:
        if result.case.strength == "should" and result.verdict == "fail" and result.case.id in known:
            print(f"known {result.case.id} {known[result.case.id]}")
    count = collections.Counter(result.verdict for result in results)
    slowest = sorted(results, key=lambda result: -result.seconds)[:3]
    took = ", ".join(f"{result.case.id} {result.seconds:.1f}" for result in slowest)
    print(f"\n{time.monotonic() - start:.0f} s, slowest: {took}")
    failed = count["fail"] + len(faults)
    print(f"{count['pass']} passed, {failed} failed, {count['skip']} skipped", flush=True)
    return 0 if verdict_of(results, faults, differing, known) else 1


def show(result, options):
    print(result.line, flush=True)
    if options.verbose and result.verdict == "fail" and result.drive:
        for label, answer in result.drive.seen.trail:
            print(f"    {label}: {answer.brief()}")
        for hit in result.drive.seen.journal:
            form = {name: value[:60] for name, value in hit["form"]}
            print(f"    → {hit['t_ms']} {hit['method']} {hit['path']} {form or ''} {hit.get('status_sent')}")


if __name__ == "__main__":
    sys.exit(main())
