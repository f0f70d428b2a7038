"""The master key wrapped by an RSA key on a PKCS#11 token, as SoftHSM plays it.

    pkcs11.py --credence BINARY      exit code 75 where there is no SoftHSM
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

MODULES = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so"]
CANARY = "token-canary-" + os.urandom(6).hex()


class Round:
    def __init__(self, credence, module, folder):
        self.credence, self.module, self.folder = credence, module, folder
        self.data, self.passed = os.path.join(folder, "data"), 0
        self.settings, self.pin = os.path.join(folder, "token.json"), os.path.join(folder, "pin")
        self.environment = {**os.environ, "SOFTHSM2_CONF": os.path.join(folder, "softhsm2.conf")}

    def step(self, name, action):
        action()
        self.passed += 1
        print(f"  ok   {self.passed:2} {name}", flush=True)

    def write(self, path, text):
        if os.path.exists(path):
            os.unlink(path)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o400), "w") as file:
            file.write(text)

    def configure(self, **changes):
        settings = {"module": self.module, "token": "credence", "key": "master", "pin_file": self.pin, "hash": "sha1"}
        self.write(self.settings, json.dumps({**settings, **changes}))

    def make_token(self):
        tokens = os.path.join(self.folder, "tokens")
        os.mkdir(tokens)
        self.write(self.environment["SOFTHSM2_CONF"], f"directories.tokendir = {tokens}\nobjectstore.backend = file\n")
        self.write(self.pin, "493817\n")
        util = lambda *arguments: subprocess.run(  # noqa: E731
            ["softhsm2-util", *arguments], env=self.environment, check=True, capture_output=True)
        util("--init-token", "--free", "--label", "credence", "--so-pin", "00000000", "--pin", "493817")
        # A key pair of OpenSSL's, brought onto the token: softhsm2-util makes none itself.
        key = os.path.join(self.folder, "key.pem")
        subprocess.run(
            ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key], check=True,
            capture_output=True)
        util("--import", key, "--token", "credence", "--label", "master", "--id", "01", "--pin", "493817")
        os.unlink(key)
        self.configure()

    def run(self, *arguments, stdin="", code=0):
        done = subprocess.run(
            [self.credence, *arguments, "--data", self.data], input=stdin, capture_output=True, text=True, timeout=60,
            env={**self.environment, "CREDENCE_MASTER_KEY": f"pkcs11:{self.settings}"})
        if done.returncode != code:
            raise RuntimeError(
                f"credence {' '.join(arguments)}: {done.returncode}, not {code}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def initialize(self):
        self.run("init")
        held = os.listdir(self.data)
        if "master.pkcs11" not in held or "master.key" in held:
            raise RuntimeError(f"the folder holds {held}")
        self.run("connections", "add", "crm", "--provider", "api-key")
        self.run("secrets", "set", "crm", "--secret-stdin", stdin=CANARY)

    def reads(self):
        if self.run("credential", "crm", "--format", "token").strip() != CANARY:
            raise RuntimeError("the credential is another one")

    def refused(self, words, **changes):
        self.configure(**changes)
        said = self.run("credential", "crm", code=1)
        self.configure()
        if words not in said or CANARY in said:
            raise RuntimeError(f"expected: {words}\n{said}")

    def wrong_pin(self):
        self.write(self.pin, "000000\n")
        said = self.run("credential", "crm", code=1)
        self.write(self.pin, "493817\n")
        if "refuses the PIN" not in said or "000000" in said:
            raise RuntimeError(said)

    def all(self):
        self.make_token()
        self.step("a folder is made, and the token wraps its master key", self.initialize)
        self.step("each process asks the token for it, and reads", self.reads)
        self.step("a wrong PIN is named and not repeated", self.wrong_pin)
        self.step("so is a token that is not there", lambda: self.refused("shows no token other", token="other"))
        self.step("a key that is not there", lambda: self.refused("holds no key other", key="other"))
        self.step("and a module that is none", lambda: self.refused("no module", module="/etc/hostname"))
        self.step("everything opens still", self.reads)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--credence", required=True)
    arguments = parser.parse_args()
    module = next((path for path in MODULES if os.path.exists(path)), None)
    if module is None or shutil.which("softhsm2-util") is None:
        print("THERE IS NO SOFTHSM: THE ROUND WITH A PKCS#11 TOKEN DID NOT RUN (Debian: softhsm2)")
        sys.exit(75)
    print("SoftHSM, as a PKCS#11 token")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="credence-pkcs11-") as folder:
        round = Round(arguments.credence, module, folder)
        try:
            round.all()
        except Exception as error:
            failed = 1
            print(f"  FAIL {type(error).__name__}: {error}")
    print(f"{round.passed} passed, {failed} failed")
    sys.exit(failed)


if __name__ == "__main__":
    main()
