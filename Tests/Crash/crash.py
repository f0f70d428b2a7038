"""Kills the service at every named point of a refresh and at random, starts it again, and compares: the provider's live
refresh token is the stored one, and was asked for as often as it must be.

    crash.py --credence BINARY --mode grace|none|reuse --cycles N [--seed N]

A killed process may lose a grant only where the provider had answered, nothing was written, and the provider gives no
grace; then the owner is asked (`lost`), and nothing else is touched. A refresh token is never presented once its
successor was.
"""

import argparse
import collections
import datetime
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "Peers"))

from browser import Browser  # noqa: E402
from processes import CommandLine, Failure, free_port, request  # noqa: E402
from provider import Provider  # noqa: E402

CONNECTIONS = 6
# How a process ends, how often (of a hundred), the calls before its end, and those after it where all went well.
WAYS = {
    "before_claim": (10, 0, 0),
    "claimed": (12, 0, 1),
    "answered": (14, 1, 1),
    "committed": (14, 1, 0),
    "held": (14, 1, 1),  # the provider has done it; not a byte has come back
    "random": (30, None, None),
    "stopped": (4, 1, 0),  # SIGSTOP while the answer is under way, SIGCONT later: nobody is killed
    # The same past the lease (R4), once: it takes longer than all the others. What had come may be taken or not.
    "stopped_past_lease": (0, None, None),
    "spooled": (1, 1, 0),  # the database is locked by another program
    "replaying": (0.5, 1, 0),
    "replayed": (0.5, 1, 0),
}
# Where the provider has answered and nothing is written, only its grace can save the grant.
PRECARIOUS = {"answered", "held", "random", "stopped_past_lease"}
TIMEOUT = 5  # of a call to the provider
LEASE = TIMEOUT + 30


class Trial:
    def __init__(self, credence, mode, folder, seed):
        self.mode, self.credence, self.folder = mode, credence, folder
        self.data = os.path.join(folder, "data")
        self.command = CommandLine(credence, self.data)
        self.provider, self.random = Provider(mode), random.Random(seed)
        self.address = f"127.0.0.1:{free_port()}"
        self.url, self.process = f"http://{self.address}", None
        self.counts, self.lost = collections.Counter(), collections.Counter()

    # The service

    def start(self, crash_at=None, must_serve=True):
        environment = {**os.environ}
        environment.pop("CREDENCE_CRASH_AT", None)
        if crash_at:
            environment["CREDENCE_CRASH_AT"] = crash_at
        command = self.command.command(
            "serve", "--development", "--listen", self.address, "--public-url", self.url, "--management-listen",
            "127.0.0.1:0", "--provider-timeout", str(TIMEOUT))
        with open(os.path.join(self.folder, "service.log"), "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environment)
        line = self.process.stdout.readline().decode()
        if "listening on" not in line and must_serve:
            raise Failure(f"the service did not start: {line} ({self.process.wait()})")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def wait_for_death(self, seconds=20):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure("the service reached its crash point never") from None
        if code != -signal.SIGKILL:
            raise Failure(f"the service ended with {code}")
        self.process.stdout.close()

    def call(self, method, path, body=None):
        return request(method, self.url + path, body, {"Authorization": f"Bearer {self.key}"})

    # The connections

    def prepare(self):
        self.command.run("init")
        self.key = self.command.run("callers", "add", "driver", "--role", "admin")["key"]
        self.start()
        fields = {"authorization_endpoint": f"{self.provider.base}/authorize", "token_endpoint": f"{self.provider.base}/token"}
        for number in range(CONNECTIONS):
            name = self.name(number)
            client = {"id": name, "provider": "oauth2", "client_id": "c", "auth": "none", "fields": fields}
            self.call("POST", "/v1/clients", client).expect(201, "POST client")
            self.call("POST", "/v1/connections", {"id": name, "client": name}).expect(201, "POST connection")
            self.consent(name)
        self.kill()

    @staticmethod
    def name(number):
        return f"c{number}"

    def consent(self, name):
        link = self.call("POST", f"/v1/connections/{name}/consent", {}).expect(201, "POST consent").json["url"]
        browser = Browser()
        page = browser.open(link)
        done = browser.submit(page, page.forms[0])
        if done.status != 200:
            raise Failure(f"no consent: {done.status} {done.text[:200]}")

    def refresh(self, name):
        """Begins a refresh and waits for none of it."""
        def ask():
            try:
                self.call("POST", f"/v1/connections/{name}/credential/refresh", {})
            except OSError:
                pass
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        return thread

    def settled(self, name):
        """The generation that the service hands out once it is the provider's newest; None when the grant is lost."""
        grant, limit = self.provider.grants[name], time.monotonic() + 15
        while time.monotonic() < limit:
            answer = self.call("GET", f"/v1/connections/{name}/credential")
            if answer.status == 409:
                if answer.json.get("reason") != "lost":
                    raise Failure(f"{name} became {answer.json.get('reason')}")
                return None
            newest = answer.status == 200 and int(answer.json["access_token"].split("/")[1]) == grant.generation
            if newest and not self.is_due(name):
                return grant.generation
            time.sleep(0.02)
        raise Failure(f"{name} hands out {answer.text[:200]}, the provider's newest is {grant.generation}")

    def is_due(self, name):
        """Whether a refresh is still to be done: what a killed process began is due at once."""
        due = self.call("GET", f"/v1/connections/{name}").expect(200, "GET connection").json.get("refresh_at")
        return due is not None and datetime.datetime.fromisoformat(due) <= datetime.datetime.now(datetime.timezone.utc)

    # One cycle

    def end(self, way, name):
        """Begins a refresh and ends the process in this way."""
        provider = self.provider
        provider.arrived.clear()
        if way in ("spooled", "replaying", "replayed"):
            return self.end_with_locked_store(way, name)
        if way == "held":
            self.start()
            provider.hold.set()
            provider.let_go.clear()
            self.refresh(name)
            if not provider.wait_for_call():
                raise Failure("no call came")
            self.kill()
            provider.hold.clear()
            provider.let_go.set()
        elif way in ("stopped", "stopped_past_lease"):
            self.start()
            provider.hold.set()
            provider.let_go.clear()
            thread = self.refresh(name)
            provider.wait_for_call()
            self.process.send_signal(signal.SIGSTOP)
            provider.hold.clear()
            provider.let_go.set()
            time.sleep(0.05 if way == "stopped" else LEASE + 1)
            self.process.send_signal(signal.SIGCONT)
            thread.join(10)
            self.kill()
        elif way == "random":
            self.start()
            self.refresh(name)
            time.sleep(self.random.uniform(0, 0.04))
            self.kill()
        else:
            self.start(crash_at=way)
            self.refresh(name)
            self.wait_for_death()

    def end_with_locked_store(self, way, name):
        lock = sqlite3.connect(os.path.join(self.data, "credence.db"), timeout=20, isolation_level=None,
                               check_same_thread=False)
        self.provider.before_answer = lambda: lock.execute("BEGIN IMMEDIATE")
        self.start(crash_at="spooled")
        self.refresh(name)
        self.wait_for_death()
        self.provider.before_answer = None
        lock.execute("ROLLBACK")
        lock.close()
        if way != "spooled":
            self.start(crash_at=way, must_serve=False)
            self.wait_for_death()

    def cycle(self, way, name):
        _, before, after = WAYS[way]
        grant = self.provider.grants[name]
        calls = grant.calls
        self.end(way, name)
        if before is not None and grant.calls - calls != before:
            raise Failure(f"{way}: {grant.calls - calls} calls before the end, expected {before}")
        self.start()
        limit = time.monotonic() + 10
        while after and grant.calls - calls < before + after and time.monotonic() < limit:
            time.sleep(0.01)
        generation = self.settled(name)
        self.counts[way] += 1
        if generation is None:
            self.lost[way] += 1
            if self.mode == "grace" or way not in PRECARIOUS:
                raise Failure(f"{way}: a grant was lost")
            self.consent(name)
        elif after is not None and grant.calls - calls != before + after:
            raise Failure(f"{way}: {grant.calls - calls} calls in all, expected {before + after}")
        if grant.faults:
            raise Failure(f"{way}: {grant.faults[0]}")
        self.kill()

    def run(self, cycles):
        self.prepare()
        ways = [way for way, (weight, _, _) in WAYS.items() if weight]
        weights = [WAYS[way][0] for way in ways]
        # Each way at least once, then by weight.
        for number in range(cycles):
            way = ways[number] if number < len(ways) else self.random.choices(ways, weights)[0]
            if number == 100:
                way = "stopped_past_lease"
            try:
                self.cycle(way, self.name(number % CONNECTIONS))
            except Failure as failure:
                print(f"  FAIL {self.mode}, cycle {number + 1}: {failure}", flush=True)
                return False
        # Every grant that is left goes on.
        self.start()
        for number in range(CONNECTIONS):
            self.call("POST", f"/v1/connections/{self.name(number)}/credential/refresh", {}).expect(200, "the last refresh")
        self.kill()
        shown = ", ".join(f"{way} {count}" for way, count in sorted(self.counts.items()))
        lost = ", ".join(f"{way} {count}" for way, count in sorted(self.lost.items())) or "none"
        print(f"  ok   {self.mode}: {cycles} ends ({shown}); lost: {lost}; spent twice: none", flush=True)
        return True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--credence", required=True)
    parser.add_argument("--mode", choices=["grace", "none", "reuse"], required=True)
    parser.add_argument("--cycles", type=int, required=True)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="credence-crash-") as folder:
        trial = Trial(arguments.credence, arguments.mode, folder, arguments.seed)
        try:
            passed = trial.run(arguments.cycles)
        except Exception as error:
            print(f"  FAIL {arguments.mode}: {type(error).__name__}: {error}", flush=True)
            passed = False
        finally:
            if trial.process and trial.process.poll() is None:
                trial.process.kill()
        if not passed:
            print(f"  seed {arguments.seed}; the service's last lines:")
            with open(os.path.join(folder, "service.log"), errors="replace") as log:
                print("".join(f"    {line}" for line in log.readlines()[-15:]))
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
