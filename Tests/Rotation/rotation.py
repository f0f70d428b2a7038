"""Changes the data key and the master key under a load of reads, kills the service at every named point and at random,
and compares: every credential is what it was, and no read of a service that runs fails.

    rotation.py --credence BINARY --kills N [--seed N]
"""

import argparse
import collections
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "Peers"))

from processes import CommandLine, Failure, free_port, request  # noqa: E402

# More than two transactions of a hundred rows.
CONNECTIONS = 250
READERS = 4
# How a process ends, and how often, of a hundred.
WAYS = {"key_added": 10, "resealed": 20, "rewrapped": 15, "random": 55}


class Trial:
    def __init__(self, credence, folder, seed):
        self.folder, self.data = folder, os.path.join(folder, "data")
        self.command, self.random = CommandLine(credence, self.data), random.Random(seed)
        self.address = f"127.0.0.1:{free_port()}"
        self.url, self.process = f"http://{self.address}", None
        self.counts, self.reads, self.faults = collections.Counter(), 0, []
        self.is_up = threading.Event()
        self.ended = False
        self.lock = threading.Lock()
        # The one that wraps the key ring, and the next, by file.
        self.keys = [os.path.join(self.data, "master.key")]
        self.number = 0

    # The service

    def start(self, crash_at=None):
        environment = {**os.environ}
        environment.pop("CREDENCE_CRASH_AT", None)
        if crash_at:
            environment["CREDENCE_CRASH_AT"] = crash_at
        places = ["--master-key", f"file:{self.keys[-1]}"]
        if len(self.keys) > 1:
            places += ["--previous-master-key", f"file:{self.keys[-2]}"]
        command = self.command.command(
            "serve", "--development", "--listen", self.address, "--public-url", self.url, "--management-listen",
            "127.0.0.1:0", *places)
        with open(os.path.join(self.folder, "service.log"), "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environment)
        line = self.process.stdout.readline().decode()
        if "listening on" not in line:
            # A point that is passed at the start ends the process before it listens.
            if crash_at and self.process.wait() == -9:
                return False
            raise Failure(f"the service did not start: {line} ({self.process.wait()})")
        self.is_up.set()
        return True

    def kill(self):
        # Reads that are under way now may fail; those of a service that runs may not.
        self.is_up.clear()
        self.process.kill()
        self.process.wait()

    def wait_for_death(self, seconds=30):
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure("the service did not come to the point where it ends") from None
        self.is_up.clear()

    def call(self, method, path, body=None):
        return request(method, self.url + path, body, {"Authorization": f"Bearer {self.key}"})

    def new_master_key(self):
        self.number += 1
        path = os.path.join(self.folder, f"master-{self.number}.key")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
        os.write(descriptor, (os.urandom(32).hex() + "\n").encode())
        os.close(descriptor)
        self.keys.append(path)

    # The credentials

    def prepare(self):
        self.command.run("init")
        self.key = self.command.run("callers", "add", "driver", "--role", "admin")["key"]
        self.start()
        for number in range(CONNECTIONS):
            body = {"id": f"k{number}", "provider": "api-key", "secret": {"api_key": self.secret(number)}}
            self.call("POST", "/v1/connections", body).expect(201, "POST connection")
        self.call("POST", "/v1/webhooks", {"id": "ops", "url": "https://ops.invalid/"}).expect(201, "POST webhook")
        self.kill()

    @staticmethod
    def secret(number):
        return f"secret-of-{number}"

    def read(self, number):
        answer = self.call("GET", f"/v1/connections/k{number}/credential")
        if answer.status != 200 or answer.json.get("api_key") != self.secret(number):
            raise Failure(f"k{number}: {answer.status} {answer.text[:200]}")

    def read_all(self):
        for number in range(CONNECTIONS):
            self.read(number)

    def reader(self, seed):
        """Reads whatever comes, as long as the trial goes on."""
        chosen = random.Random(seed)
        while not self.ended:
            if not self.is_up.wait(0.1):
                continue
            process = self.process
            try:
                self.read(chosen.randrange(CONNECTIONS))
                with self.lock:
                    self.reads += 1
            except (Failure, OSError) as failure:
                # It was ended meanwhile, by us or at its point: give the driver time to notice.
                try:
                    process.wait(1)
                except subprocess.TimeoutExpired:
                    self.faults.append(f"{type(failure).__name__}: {failure}")

    # One cycle

    def change(self, what):
        """Begins a change; the process may end during it."""
        try:
            answer = self.call("POST", f"/v1/keys/{what}")
        except OSError:
            return
        if answer.status not in (200, 202, 409):
            self.faults.append(f"{what}: {answer.status} {answer.text[:200]}")

    def cycle(self, way):
        what = "rewrap" if way == "rewrapped" or way == "random" and self.random.random() < 0.4 else "rotate"
        if what == "rewrap" and len(self.keys) == 1:
            self.new_master_key()
        if self.start(crash_at=None if way == "random" else way):
            thread = threading.Thread(target=self.change, args=(what,), daemon=True)
            thread.start()
            if way == "random":
                time.sleep(self.random.uniform(0, 0.25))
                self.kill()
            else:
                self.wait_for_death()
            thread.join(10)
        self.counts[way] += 1
        # The next process finds everything and goes on.
        self.start()
        status = self.settled()
        self.read_all()
        self.finish(status)
        self.kill()

    def settled(self, seconds=60):
        """The status once everything is under the active key."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            status = self.call("GET", "/v1/keys").expect(200, "GET keys").json
            if status["progress"]["state"] in ("idle", "waiting"):
                left = [key for key in status["data_keys"] if key["state"] != "active" and key["boxes"]]
                if left:
                    raise Failure(f"boxes are left under {left}")
                return status
            time.sleep(0.02)
        raise Failure(f"it does not end: {status}")

    def finish(self, status):
        """Completes the change of the master key, and takes the old one away."""
        if status["master_key"]["rewrap_due"]:
            self.call("POST", "/v1/keys/rewrap").expect(200, "POST rewrap")
        if len(self.keys) > 1:
            self.kill()
            os.unlink(self.keys.pop(0))
            self.start()
            self.read_all()

    def run(self, kills):
        self.prepare()
        readers = [threading.Thread(target=self.reader, args=(number,), daemon=True) for number in range(READERS)]
        for reader in readers:
            reader.start()
        ways, weights = list(WAYS), list(WAYS.values())
        try:
            for number in range(kills):
                way = ways[number] if number < len(ways) else self.random.choices(ways, weights)[0]
                try:
                    self.cycle(way)
                except Failure as failure:
                    print(f"  FAIL kill {number + 1} ({way}): {failure}", flush=True)
                    return False
                if self.faults:
                    print(f"  FAIL kill {number + 1} ({way}): a read failed: {self.faults[0]}", flush=True)
                    return False
                # Without a service, now and then: the verb does it all, and removes what nothing needs.
                if number % 10 == 9:
                    self.rotate_offline()
        finally:
            self.ended = True
            self.is_up.set()
        for reader in readers:
            reader.join(10)
        self.is_up.clear()
        shown = ", ".join(f"{way} {count}" for way, count in sorted(self.counts.items()))
        print(f"  ok   {kills} ends ({shown}); {self.reads} reads beside, none failed", flush=True)
        return True

    def rotate_offline(self):
        environment = {"CREDENCE_MASTER_KEY": f"file:{self.keys[-1]}"}
        if len(self.keys) > 1:
            environment["CREDENCE_PREVIOUS_MASTER_KEY"] = f"file:{self.keys[-2]}"
        done = subprocess.run(
            self.command.command("keys", "rotate", "--json"), env={**os.environ, **environment}, capture_output=True,
            text=True, timeout=60)
        if done.returncode != 0:
            raise Failure(f"keys rotate without a service: {done.returncode} {done.stderr}")
        self.start()
        status = self.settled()
        if [key["state"] for key in status["data_keys"]] != ["active"]:
            raise Failure(f"old data keys are left: {status}")
        self.read_all()
        self.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--credence", required=True)
    parser.add_argument("--kills", type=int, required=True)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="credence-rotation-") as folder:
        trial = Trial(arguments.credence, folder, arguments.seed)
        try:
            passed = trial.run(arguments.kills)
        except Exception as error:
            print(f"  FAIL {type(error).__name__}: {error}", flush=True)
            passed = False
        finally:
            trial.ended = True
            if trial.process and trial.process.poll() is None:
                trial.process.kill()
        if not passed:
            print(f"  seed {arguments.seed}; the service's last lines:")
            with open(os.path.join(folder, "service.log"), errors="replace") as log:
                print("".join(f"    {line}" for line in log.readlines()[-15:]))
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
