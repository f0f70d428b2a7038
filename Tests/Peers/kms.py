"""The master key wrapped by AWS KMS, as moto plays it: made, asked for at each start, changed for another one; and a server
that is away keeps nothing that runs from going on (security case S7).

    kms.py --credence BINARY --python PYTHON      PYTHON has moto
"""

import argparse
import json
import os
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from processes import Failure, Server, free_port, request  # noqa: E402

CANARY = "kms-canary-" + os.urandom(6).hex()


class Round:
    def __init__(self, credence, python, folder):
        self.credence, self.python, self.folder = credence, python, folder
        self.data = os.path.join(folder, "data")
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.certificate, self.key = os.path.join(folder, "kms.pem"), os.path.join(folder, "kms.key")
        self.passed = 0
        self.moto = None
        self.service = None

    def step(self, name, action):
        action()
        self.passed += 1
        print(f"  ok   {self.passed:2} {name}", flush=True)

    # The parties

    def start_moto(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2",
             "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-out", self.certificate, "-keyout",
             self.key], check=True, capture_output=True)
        log = open(os.path.join(self.folder, "moto.log"), "wb")
        self.moto = subprocess.Popen(
            [self.python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port), "-c", self.certificate, "-k",
             self.key], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        limit = time.monotonic() + 30
        while True:
            try:
                return self.make_keys()
            except OSError:
                if time.monotonic() > limit or self.moto.poll() is not None:
                    raise Failure("moto does not answer") from None
                time.sleep(0.2)

    def ask(self, action, body):
        sent = urllib.request.Request(
            self.url + "/", json.dumps(body).encode(),
            {"X-Amz-Target": f"TrentService.{action}", "Content-Type": "application/x-amz-json-1.1",
             "Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/eu-central-1/kms/aws4_request, "
             "SignedHeaders=host, Signature=00"})
        context = ssl.create_default_context(cafile=self.certificate)
        with urllib.request.urlopen(sent, timeout=10, context=context) as answer:
            return json.load(answer)

    def make_keys(self):
        self.key_id = self.ask("CreateKey", {"Description": "credence"})["KeyMetadata"]["KeyId"]

    def environment(self, place="kms"):
        settings = os.path.join(self.folder, "kms.json")
        credentials = os.path.join(self.folder, "credentials.json")
        if not os.path.exists(settings):
            with open(settings, "w") as file:
                json.dump({"region": "eu-central-1", "key": self.key_id, "credentials_file": credentials,
                           "endpoint": self.url}, file)
            with open(os.open(credentials, os.O_WRONLY | os.O_CREAT, 0o400), "w") as file:
                json.dump({"access_key_id": "AKIDEXAMPLE", "secret_access_key": "moto-does-not-look"}, file)
        environment = {**os.environ, "CREDENCE_TRUSTED_CERTIFICATES": self.certificate}
        environment["CREDENCE_MASTER_KEY"] = f"kms:{settings}" if place == "kms" else f"file:{self.file}"
        if place == "file after kms":
            environment["CREDENCE_PREVIOUS_MASTER_KEY"] = f"kms:{settings}"
        return environment

    def run(self, *arguments, stdin="", place="kms", code=0):
        done = subprocess.run(
            [self.credence, *arguments, "--data", self.data], input=stdin, capture_output=True, text=True, timeout=60,
            env=self.environment(place))
        if done.returncode != code:
            raise Failure(f"credence {' '.join(arguments)}: {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    # The steps

    def initialize(self):
        self.run("init")
        wrapped = os.path.join(self.data, "master.kms")
        if not os.path.exists(wrapped) or os.path.exists(os.path.join(self.data, "master.key")):
            raise Failure(f"the folder holds {os.listdir(self.data)}")
        self.run("connections", "add", "crm", "--provider", "api-key")
        self.run("secrets", "set", "crm", "--secret-stdin", stdin=CANARY)

    def reads(self, place="kms"):
        if self.run("credential", "crm", "--format", "token", place=place).strip() != CANARY:
            raise Failure("the credential is another one")

    def serve(self):
        address = f"127.0.0.1:{free_port()}"
        self.service = Server(
            "credence", [self.credence, "serve", "--data", self.data, "--listen", address, "--public-url",
                         "https://credence.example", "--management-listen", "127.0.0.1:0"],
            os.path.join(self.folder, "service.log"), self.environment())
        self.address = f"http://{address}"
        self.caller = json.loads(self.run("callers", "add", "bot", "--role", "runtime", "--json"))["key"]

    def read_over_http(self):
        answer = request(
            "GET", f"{self.address}/v1/connections/crm/credential", headers={"Authorization": f"Bearer {self.caller}"})
        if answer.expect(200, "GET credential").json["api_key"] != CANARY:
            raise Failure("the credential is another one")

    def stop_moto(self):
        self.moto.send_signal(signal.SIGKILL)
        self.moto.wait()

    def away(self):
        self.read_over_http()
        self.service.stop()
        said = self.run("credential", "crm", code=1)
        if "KMS" not in said or CANARY in said:
            raise Failure(f"a server that is away is not named: {said}")

    def rewrap(self):
        self.file = os.path.join(self.folder, "new.key")
        with open(os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o400), "w") as file:
            file.write(os.urandom(32).hex() + "\n")
        self.run("keys", "rewrap", place="file after kms")

    def change_wrapped(self):
        path = os.path.join(self.data, "master.kms")
        with open(path, "rb") as file:
            kept = file.read()
        os.chmod(path, 0o600)
        with open(path, "wb") as file:
            file.write(bytes([kept[0] ^ 1]) + kept[1:] if kept[0] != 0x7B else kept.replace(b"A", b"B", 3))
        os.chmod(path, 0o400)
        self.run("credential", "crm", code=1)
        os.chmod(path, 0o600)
        with open(path, "wb") as file:
            file.write(kept)
        os.chmod(path, 0o400)

    def all(self):
        self.start_moto()
        self.step("a folder is made, and KMS wraps its master key", self.initialize)
        self.step("each process asks KMS for it, and reads", self.reads)
        self.step("a wrapped key that was changed opens nothing", self.change_wrapped)
        self.step("put back, everything opens", self.reads)
        self.step("a service runs on it", self.serve)
        self.step("and hands out what is sealed", self.read_over_http)
        self.step("the master key is changed for a file's", lambda: (self.service.stop(), self.rewrap()))
        self.step("which needs no KMS", lambda: self.reads("file"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--credence", required=True)
    parser.add_argument("--python", required=True)
    arguments = parser.parse_args()
    print("moto, as AWS KMS")
    with tempfile.TemporaryDirectory(prefix="credence-kms-") as folder:
        round = Round(arguments.credence, arguments.python, folder)
        failed = 0
        try:
            round.all()
            # S7, in a folder of its own: away at the start, and while it runs.
            second = Round(arguments.credence, arguments.python, os.path.join(folder, "second"))
            os.mkdir(second.folder)
            second.passed = round.passed
            round.stop_moto()
            second.start_moto()
            second.initialize()
            second.serve()
            second.stop_moto()
            second.step("S7: with KMS away what runs goes on, and a start says what is missing", second.away)
            round.passed = second.passed
        except Exception as error:
            failed = 1
            print(f"  FAIL {type(error).__name__}: {error}")
        finally:
            for one in [round, *([second] if "second" in locals() else [])]:
                if one.moto and one.moto.poll() is None:
                    one.moto.kill()
                if one.service:
                    one.service.stop()
    print(f"{round.passed} passed, {failed} failed")
    sys.exit(failed)


if __name__ == "__main__":
    main()
