"""The requests of each standard profile beside those that the vendor's own library makes: same address, same way of
authenticating, same parameters, same assertion. What differs on purpose stands in vendors_meant.py; all else is a
failure. Headers other than Content-Type and Authorization are the libraries' own affair (x-client-*, User-Agent).

    vendors.py --credence BINARY     (run with the Python that has the vendors' libraries)
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
import warnings

import vendors_clients as vendor
from browser import BrowserError
from parties import Parties
from processes import Failure
from vendors_compare import Pair, challenge
from vendors_exchanges import PARTS
from vendors_meant import MEANT
from vendors_recorder import Recorder

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Comparison(Parties):
    """The service, with the standard profiles pointed at a recorder, and a connection an exchange."""

    def __init__(self, credence, folder):
        super().__init__(type("Vendor", (), {"client": "vendor"}), credence, sys.executable, folder)
        self.theirs, self.ours, self.results, self.used = Recorder(), Recorder(), [], set()
        self.broke_off = False  # something other than a difference: then the logs help
        vendor.redirect_all_to(self.theirs)
        self.profiles = os.path.join(folder, "profiles")
        os.mkdir(self.profiles)
        for name in PARTS:
            self.point(name)
        self.key_path, self.certificate_path = self.make_key()
        with open(self.key_path) as key, open(self.certificate_path) as certificate:
            self.key, self.certificate = key.read(), certificate.read()
        public = ["openssl", "x509", "-in", self.certificate_path, "-noout", "-pubkey"]
        self.public = subprocess.run(public, check=True, capture_output=True, text=True, timeout=60).stdout
        for name in ("SECRET", "ACCESS", "REFRESH", "USER_TOKEN"):
            self.keep(name.lower().replace("_", " "), getattr(vendor, name))
        self.keep("key", self.key.splitlines()[10])

    def point(self, name):
        """A copy of the profile whose endpoints lie at the recorder."""
        with open(os.path.join(ROOT, "providers", f"{name}.json")) as file:
            profile = json.load(file)

        def moved(value):
            if isinstance(value, str):
                return re.sub(r"^https://", f"{self.ours.base}/", value)
            if isinstance(value, dict):
                return {key: moved(inner) for key, inner in value.items()}
            return [moved(inner) for inner in value] if isinstance(value, list) else value

        for member in ("authorization_server", "revocation", "identity"):
            if profile.get(member):
                profile[member] = moved(profile[member])
        profile["authorization_server"].pop("jwks_uri", None)
        for field in profile["fields"]:
            if field["name"] == "api_base":
                field["default"] = moved(field["default"])
        with open(os.path.join(self.profiles, f"{name}.json"), "w") as file:
            json.dump(profile, file)

    def make_key(self):
        key, certificate = os.path.join(self.folder, "key.pem"), os.path.join(self.folder, "certificate.pem")
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=vendors", "-days", "2"]
        subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60)
        return key, certificate

    def start(self, name, command, environment=None):
        return super().start(name, [*command, "--providers", self.profiles] if name == "credence" else command)

    # What Credence does

    def client(self, name, provider, *options, secret=vendor.SECRET):
        """Registers it; returns its redirect URI."""
        arguments = ["clients", "add", name, "--provider", provider, "--client-id", vendor.CLIENT, *options]
        if secret:
            arguments.append("--secret-stdin")
        self.command.run(*arguments, stdin=f"{secret}\n" if secret else "")
        return f"{self.public_url}/callback/{name}"

    def add(self, name, *options, client=None, stdin=""):
        self.command.run("connections", "add", name, "--client", client or name, *options, stdin=stdin)

    def connect(self, name):
        """The owner's consent; the recorder's pages say yes by themselves."""
        wish = {"id": name, "client": name, "labels": {"peer": "vendor"}}
        made = self.as_app("POST", "/v1/connections", wish).expect(201, "POST /v1/connections").json
        self.walk(made["consent"]["url"], None)

    def refresh(self, name):
        path = f"/v1/connections/{name}/credential/refresh"
        answer = self.call(self.admin_key, "POST", path, {})
        if answer.status not in (200, 202):
            raise Failure(f"POST {path}: {answer.describe()}")
        self.command.run("credential", name)

    def connect_device(self, name):
        self.add(name, "--grant", "device_code")
        command = self.command.command("connections", "connect", name, "--device")
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    # The comparison

    def both(self, library, requests, theirs, ours):
        """Lets both sides act, and compares the requests that came of it: one of each kind on each side."""
        began = [len(recorder.requests) for recorder in (self.theirs, self.ours)]
        tries = (("the library", tried(theirs)), ("Credence", tried(ours)))
        trouble = [f"{who}: {error}" for who, error in tries if error]
        for exchange, fits in requests.items():
            found = [side.take(fits, start) for side, start in zip((self.theirs, self.ours), began)]
            counts = [len(requests) for requests in found]
            if counts != [1, 1]:
                missed = [f"Credence made {counts[1]} such requests, the library {counts[0]}", *trouble]
                self.show(f"{library}: {exchange}", missed)
                self.broke_off = True
                continue
            self.compare(library, exchange, found[0][0], found[1][0], trouble, self.ours.requests[began[1]:])
            trouble = []

    def compare(self, library, exchange, theirs, ours, trouble, all_ours):
        pair = Pair(theirs, ours, self.ours.base, self.public)
        faults, meant = list(trouble), []
        for difference in pair.differences():
            rows = {(row, exchange) for row, one in enumerate(MEANT) if one.fits(library, exchange, difference)}
            self.used |= rows
            (meant if rows else faults).append(difference.name if rows else str(difference))
        faults += pair.faults()
        verifier = ours.parameters.get("code_verifier")
        if verifier and challenge(verifier) not in [request.query.get("code_challenge") for request in all_ours]:
            faults.append("the code_verifier is not that of the code_challenge")
        self.show(f"{library}: {exchange}", faults, meant)

    def broken(self, what, error):
        self.broke_off = True
        self.show(f"{what} broke off", [f"{type(error).__name__}: {error}"])

    def show(self, title, faults, meant=()):
        self.results.append(not faults)
        line = f"  {'FAIL' if faults else 'ok  '} {len(self.results):2} vendors: {title}"
        told = [*faults, *([f"meant: {', '.join(sorted(meant))}"] if meant else [])]
        print(self.hide("; ".join([line, *told])), flush=True)

    def run(self):
        print("vendors' own libraries", flush=True)
        try:
            self.start_the_service("--label", "peer=vendor")
            root = self.command.run("callers", "add", "root", "--role", "admin")
            self.admin_key = self.keep("root's key", root["key"])
            for name, part in PARTS.items():
                try:
                    part(self)
                except (Failure, BrowserError, OSError, KeyError, TypeError, ValueError) as error:
                    self.broken(name, error)
            for row, meant in enumerate(MEANT):
                for exchange in meant.exchanges:
                    if (row, exchange) not in self.used:
                        self.show(f"{meant.library}: {exchange}", [f"{meant.name} is no difference any more"])
            self.show(f"stopped, nothing leaked: {self.stop_the_service()}", [])
        except (Failure, OSError) as error:
            self.broken("the service", error)
        finally:
            for server in self.servers:
                server.stop()
        if self.broke_off:
            self.show_logs()
        print(f"{self.results.count(True)} passed, {self.results.count(False)} failed", flush=True)
        return all(self.results)


def tried(act):
    """What went wrong, if anything did."""
    try:
        act()
    except Exception as error:  # a library's own kinds too
        return f"{type(error).__name__}: {error}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--credence", required=True, metavar="BINARY")
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="credence-vendors-") as folder:
        return 0 if Comparison(os.path.abspath(chosen.credence), folder).run() else 1


if __name__ == "__main__":
    sys.exit(main())
