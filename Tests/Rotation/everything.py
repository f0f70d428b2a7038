"""Changes everything that can be changed, under a load of reads over TLS, and wants no read to fail: an API key, a client
secret, a caller key, the TLS certificate, the data key, the master key. Then looks for secrets where none may be: database,
write-ahead log, spool, audit log, service log, a backup, and what the kernel shows of the process.

    everything.py --credence BINARY
"""

import argparse
import base64
import collections
import http.client
import http.server
import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "Peers"))

from processes import CommandLine, Failure, Server, free_port  # noqa: E402

READERS = 4
CANARY = "canary" + os.urandom(8).hex()


class Provider(http.server.ThreadingHTTPServer):
    """A token endpoint for client credentials that takes any of `secrets`; its tokens live three seconds."""

    daemon_threads = True

    def __init__(self):
        self.secrets, self.count, self.refused = set(), 0, 0
        super().__init__(("127.0.0.1", 0), Provider.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/token"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            encoded = self.headers.get("Authorization", "Basic Og==").split(" ", 1)[1]
            secret = urllib.parse.unquote(base64.b64decode(encoded).decode().split(":", 1)[1])
            server = self.server
            if secret in server.secrets:
                server.count += 1
                status, body = 200, {
                    "access_token": f"{CANARY}-token-{server.count}", "token_type": "Bearer", "expires_in": 3}
            else:
                server.refused += 1
                status, body = 401, {"error": "invalid_client"}
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *arguments):
            pass


class Trial:
    def __init__(self, credence, folder):
        self.folder, self.data = folder, os.path.join(folder, "data")
        self.command = CommandLine(credence, self.data)
        self.port, self.provider = free_port(), Provider()
        self.certificate, self.private_key = os.path.join(folder, "tls.pem"), os.path.join(folder, "tls.key")
        self.trusted = ssl.create_default_context()
        self.keys, self.expected = {}, {}
        self.reads, self.faults = collections.Counter(), []
        self.ended, self.lock = False, threading.Lock()

    # The service

    def make_certificate(self, name):
        """Signed by itself, in place of the one that is there, and trusted from now on beside it."""
        made = [os.path.join(self.folder, f"{name}.{kind}") for kind in ("pem", "key")]
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2",
             "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-out", made[0], "-keyout", made[1]],
            check=True, capture_output=True)
        self.trusted.load_verify_locations(made[0])
        os.rename(made[1], self.private_key)
        os.rename(made[0], self.certificate)

    def shown_certificate(self):
        """The common name of what a new connection is shown."""
        pem = ssl.get_server_certificate(("127.0.0.1", self.port))
        done = subprocess.run(["openssl", "x509", "-noout", "-subject"], input=pem, capture_output=True, text=True)
        return done.stdout.rsplit("=", 1)[-1].strip()

    def start(self):
        self.make_certificate("first")
        self.command.run("init")
        old = os.path.join(self.data, "master.key")
        new = os.path.join(self.folder, "new.key")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT, 0o400), "w") as file:
            file.write(os.urandom(32).hex() + "\n")
        # Both are configured from the start: the change of the master key needs no other one.
        self.server = Server(
            "credence",
            self.command.command(
                "serve", "--development", "--listen", f"127.0.0.1:{self.port}", "--management-listen", "127.0.0.1:0",
                "--tls-certificate", self.certificate, "--tls-key", self.private_key, "--master-key", f"file:{new}",
                "--previous-master-key", f"file:{old}"),
            os.path.join(self.folder, "service.log"))

    def prepare(self):
        self.keys["bot"] = self.command.run("callers", "add", "bot", "--role", "runtime")["key"]
        for number in range(20):
            self.command.run("connections", "add", f"k{number}", "--provider", "api-key")
            self.command.run("secrets", "set", f"k{number}", "--secret-stdin", stdin=self.api_key(number, 1))
            self.expected[f"k{number}"] = {self.api_key(number, 1)}
        self.provider.secrets = {f"{CANARY}-client-1"}
        self.command.run(
            "clients", "add", "jobs", "--provider", "oauth2", "--client-id", "jobs", "--field",
            f"token_endpoint={self.provider.url}", "--field", f"authorization_endpoint={self.provider.url}",
            "--grant", "client_credentials", "--secret-stdin", stdin=f"{CANARY}-client-1")
        self.command.run("connections", "add", "nightly", "--client", "jobs", "--grant", "client_credentials")

    @staticmethod
    def api_key(number, version):
        return f"{CANARY}-api-{number}-{version}"

    # The load

    def reader(self, number):
        connection, left = None, 0
        names = [f"k{index}" for index in range(number, 20, READERS)] + ["nightly"]
        while not self.ended:
            name = names[self.reads[number] % len(names)]
            wanted = self.expected.get(name)
            try:
                if left == 0:
                    # A handshake every few reads, so that each certificate is met.
                    if connection:
                        connection.close()
                    connection = http.client.HTTPSConnection(
                        "127.0.0.1", self.port, timeout=20, context=self.trusted)
                    left = 20
                left -= 1
                connection.request(
                    "GET", f"/v1/connections/{name}/credential",
                    headers={"Authorization": f"Bearer {self.keys['bot']}"})
                answer = connection.getresponse()
                body = json.loads(answer.read())
                if answer.status != 200:
                    self.faults.append(f"{name}: {answer.status} {body.get('code')} {body.get('reason')}")
                elif wanted is not None and body["api_key"] not in (wanted | self.expected[name]):
                    self.faults.append(f"{name}: not a value that was set")
            except Exception as error:
                self.faults.append(f"{name}: {type(error).__name__}: {error}")
                left = 0
            self.reads[number] += 1

    def step(self, name, action):
        before, began = sum(self.reads.values()), time.monotonic()
        action()
        # The load meets what changed.
        limit = time.monotonic() + 20
        while sum(self.reads.values()) < before + 200:
            if time.monotonic() > limit:
                raise Failure(f"{name}: the reads stand still")
            time.sleep(0.02)
        if self.faults:
            raise Failure(f"{name}: a read failed: {self.faults[0]}")
        print(f"  ok   {name}: {sum(self.reads.values()) - before} reads in {time.monotonic() - began:.1f} s", flush=True)

    # The changes

    def rotate_api_keys(self):
        for number in range(20):
            self.expected[f"k{number}"] = {self.api_key(number, 1), self.api_key(number, 2)}
        lines = "".join(
            json.dumps({"connection": f"k{number}", "api_key": self.api_key(number, 2)}) + "\n" for number in range(20))
        path = os.path.join(self.folder, "keys.jsonl")
        with open(path, "w") as file:
            file.write(lines)
        self.command.run("secrets", "rotate", "--all", "--provider", "api-key", "--from-file", path)
        os.unlink(path)
        time.sleep(0.2)
        for number in range(20):
            self.expected[f"k{number}"] = {self.api_key(number, 2)}

    def rotate_client_secret(self):
        new = f"{CANARY}-client-2"
        wrong = self.command.run("clients", "secret", "add", "jobs", "--standby", "--secret-stdin", stdin="wrong")
        done = subprocess.run(
            self.command.command("clients", "secret", "verify", "jobs", str(wrong["number"])), capture_output=True)
        if done.returncode != 4:
            raise Failure(f"a wrong secret was verified: {done.returncode}")
        self.command.run("clients", "secret", "retire", "jobs", str(wrong["number"]))
        self.provider.secrets = {f"{CANARY}-client-1", new}
        number = self.command.run("clients", "secret", "add", "jobs", "--standby", "--secret-stdin", stdin=new)["number"]
        self.command.run("clients", "secret", "verify", "jobs", str(number))
        self.command.run("clients", "secret", "prefer", "jobs", str(number))
        refused = self.provider.refused
        self.provider.secrets = {new}
        self.command.run("clients", "secret", "retire", "jobs", "1")
        issued = self.provider.count
        limit = time.monotonic() + 20
        while self.provider.count < issued + 2:
            if time.monotonic() > limit:
                raise Failure("the new secret brings no token")
            time.sleep(0.05)
        if self.provider.refused > refused:
            raise Failure("the old secret was sent after the new one was preferred")

    def rotate_caller_key(self):
        self.keys["bot"] = self.command.run("callers", "rotate", "bot", "--grace", "60")["key"]

    def rotate_certificate(self):
        if self.shown_certificate() != "first":
            raise Failure(f"the first certificate is {self.shown_certificate()}")
        # One whose key does not fit changes nothing.
        with open(self.private_key) as file:
            kept = file.read()
        self.make_certificate("second")
        with open(self.private_key) as file:
            fitting = file.read()
        with open(self.private_key, "w") as file:
            file.write(kept)
        self.server._process.send_signal(signal.SIGHUP)
        self.wait_for_log("cannot be used")
        if self.shown_certificate() != "first":
            raise Failure("a certificate without its key is shown")
        with open(self.private_key, "w") as file:
            file.write(fitting)
        self.server._process.send_signal(signal.SIGHUP)
        self.wait_for_log("shown a new certificate")
        if self.shown_certificate() != "second":
            raise Failure("the new certificate is not shown")

    def wait_for_log(self, text):
        limit = time.monotonic() + 10
        while text not in self.server.output():
            if time.monotonic() > limit:
                raise Failure(f"the log does not say: {text}")
            time.sleep(0.05)

    def rotate_data_key(self):
        self.command.run("keys", "rotate")

    def rotate_master_key(self):
        self.command.run("keys", "rewrap")
        if self.command.run("keys", "status")["master_key"]["rewrap_due"]:
            raise Failure("the master key is not the new one")

    # Afterwards

    def scan(self):
        """Where a secret stands that may stand nowhere."""
        backup = os.path.join(self.folder, "backup.db")
        self.command.run("backup", backup)
        process = self.server._process.pid
        places = [backup, self.server.log, f"/proc/{process}/cmdline", f"/proc/{process}/environ"]
        places += [os.path.join(self.data, name) for name in os.listdir(self.data) if not name.endswith((".sock", ".key"))]
        places += [os.path.join(self.folder, name) for name in os.listdir(self.folder) if name.startswith("core")]
        secrets = [CANARY.encode(), self.keys["bot"].encode()]
        for place in places:
            with open(place, "rb") as file:
                content = file.read()
            for secret in secrets:
                if secret in content:
                    raise Failure(f"a secret stands in {place}")
        with open(f"/proc/{process}/limits") as limits:
            core = next(line for line in limits if line.startswith("Max core file size"))
        if core.split()[4] != "0":
            raise Failure(f"core files are on: {core}")
        print(f"  ok   no secret in {len(places)} places, and no core files", flush=True)

    def run(self):
        self.start()
        self.prepare()
        readers = [threading.Thread(target=self.reader, args=(number,), daemon=True) for number in range(READERS)]
        for reader in readers:
            reader.start()
        try:
            self.step("reads alone", lambda: None)
            self.step("API keys", self.rotate_api_keys)
            self.step("client secret", self.rotate_client_secret)
            self.step("caller key", self.rotate_caller_key)
            self.step("TLS certificate", self.rotate_certificate)
            self.step("data key", self.rotate_data_key)
            self.step("master key", self.rotate_master_key)
            self.step("data key once more", self.rotate_data_key)
        finally:
            self.ended = True
            for reader in readers:
                reader.join(30)
        self.scan()
        report = self.command.run("verify")
        print(f"  ok   verified: {report['boxes']} boxes, {report['audit_lines']} audit lines", flush=True)
        print(f"  ok   everything rotated beside {sum(self.reads.values())} reads, {len(self.faults)} failed", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--credence", required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="credence-rotation-") as folder:
        trial = Trial(arguments.credence, folder)
        try:
            trial.run()
            passed = True
        except Exception as error:
            print(f"  FAIL {type(error).__name__}: {error}", flush=True)
            passed = False
        finally:
            trial.ended = True
            if hasattr(trial, "server"):
                if not passed:
                    print("".join(f"    {line}\n" for line in trial.server.output().splitlines()[-15:]))
                trial.server.stop()
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
