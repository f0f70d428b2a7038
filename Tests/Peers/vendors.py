"""The request of each standard profile beside the one that the vendor's own library makes: same address, same way of
authenticating, same parameters. What differs on purpose stands in MEANT, with its reason; all else is a failure.

    vendors.py --credence BINARY     (run with the Python that has the vendors' libraries)
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import warnings

import vendors_clients as vendor
from parties import Parties
from processes import Failure
from vendors_recorder import Recorder, jwt_parts

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Parameters whose values are random or made at the moment: they must be there on both sides, or on neither.
VARIES = {"state", "nonce", "code_challenge", "code_verifier", "client_assertion", "assertion", "redirect_uri"}
# By library: parameters that only one side sends, and why.
MEANT = {
    "msal": {
        "client_info": "asks for an account hint, which the ID token brings as well",
        "nonce": "Credence sends one with the scope openid",
        "code": "repeats the device code under a second name",
        "scope": "repeats the scopes at the token endpoint, where they mean the same as none",
    },
    "azure-identity": {"client_info": "asks for an account hint"},
    "dropbox": {
        "code_challenge": "PKCE only for clients without a secret; Credence always",
        "code_challenge_method": "as code_challenge",
        "code_verifier": "as code_challenge",
        "scope": "left out where nothing is asked for",
    },
    "simple-salesforce": {"client_id": "the assertion's issuer says it", "scope": "left out", "grant_type": ""},
    "PyGithub": {
        "response_type": "left out; GitHub knows no other than code",
        "code_challenge": "no PKCE; Credence always",
        "code_challenge_method": "as code_challenge",
        "code_verifier": "as code_challenge",
        "grant_type": "left out at the code exchange, where GitHub takes it for granted",
        "redirect_uri": "left out at the code exchange; RFC 6749 §4.1.3 wants it repeated",
        "scope": "left out where nothing is asked for",
        "permissions": "an empty object, which asks for all",
    },
}
OLDER_ASSERTION = {"azure-identity": "signs RS256 with x5t, which Entra takes besides the PS256 that it recommends"}
JSON_TAKEN = {"PyGithub": "posts JSON where the documentation has a form; GitHub takes both"}


class Comparison(Parties):
    """The service, with the standard profiles pointed at a recorder, and a connection an exchange."""

    def __init__(self, credence, folder):
        super().__init__(type("Vendor", (), {"client": "vendor"}), credence, sys.executable, folder)
        self.theirs, self.ours, self.results = Recorder(), Recorder(), []
        vendor.redirect_all_to(self.theirs)
        self.profiles = os.path.join(folder, "profiles")
        os.mkdir(self.profiles)
        for name in ("azure-ad", "dropbox", "salesforce", "github", "github-app"):
            self.point(name)
        self.key, self.certificate = self.make_key()

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
        arguments = ["clients", "add", name, "--provider", provider, "--client-id", vendor.CLIENT, *options]
        if secret:
            arguments.append("--secret-stdin")
        self.command.run(*arguments, stdin=f"{secret}\n" if secret else "")
        return f"{self.public_url}/callback/{name}"

    def connect(self, name):
        """The owner's consent; the recorder's pages say yes by themselves."""
        wish = {"id": name, "client": name, "labels": {"peer": "vendor"}}
        made = self.as_app("POST", "/v1/connections", wish).expect(201, "POST /v1/connections").json
        self.walk(made["consent"]["url"], None)

    def renew(self, name):
        self.command.run("credential", name, "--min-ttl", "1")
        self.call(self.admin_key, "POST", f"/v1/connections/{name}/credential/refresh", {})

    # The comparison

    def compare(self, library, exchange, theirs, ours):
        title = f"{library}: {exchange}"
        faults = self.faults(library, theirs, ours)
        self.results.append(not faults)
        print(f"  {'FAIL' if faults else 'ok  '} {len(self.results):2} {title}" + "".join(f"; {f}" for f in faults))

    def faults(self, library, theirs, ours):
        if theirs is None or ours is None:
            return [f"{'the library' if theirs is None else 'Credence'} made no such request"]
        faults = []
        for what in ("method", "url", "credentials"):
            left, right = getattr(theirs, what), getattr(ours, what)
            if left != right:
                faults.append(f"{what} is {right}, theirs {left}")
        if theirs.content_type != ours.content_type and library not in JSON_TAKEN and theirs.parameters:
            faults.append(f"type is {ours.content_type}, theirs {theirs.content_type}")
        for left, right in ((theirs.query, ours.query), (theirs.parameters, ours.parameters)):
            for name in sorted({*left, *right} - MEANT.get(library, {}).keys()):
                if name not in left or name not in right:
                    faults.append(f"{name} is sent by {'Credence' if name in right else library} alone")
                elif name in ("scope",):
                    if set(left[name].split()) != set(right[name].split()):
                        faults.append(f"scope is {right[name]}, theirs {left[name]}")
                elif name not in VARIES and left[name] != right[name]:
                    faults.append(f"{name} is {right[name]}, theirs {left[name]}")
        return faults + self.assertion_faults(library, theirs, ours)

    def assertion_faults(self, library, theirs, ours):
        """Headers and claims of the two assertions; lifetimes only have to be bearable."""
        tokens = []
        for request in (theirs, ours):
            bearer = request.authorization.removeprefix("Bearer ")
            token = request.parameters.get("client_assertion") or request.parameters.get("assertion") or bearer
            tokens.append(token if str(token).count(".") == 2 and str(token).startswith("eyJ") else None)
        if tokens == [None, None]:
            return []
        if None in tokens:
            return ["only one side sends an assertion"]
        (their_head, their_claims), (head, claims) = (jwt_parts(token) for token in tokens)
        claims = {k: v.replace(f"{self.ours.base}/", "https://") if isinstance(v, str) else v for k, v in claims.items()}
        faults = []
        for name in ("alg", "x5t#S256", "x5t"):
            # Base64url has no padding (RFC 7515 §2), though MSAL writes it.
            left, right = (str(side.get(name)).rstrip("=") for side in (their_head, head))
            if left != right and library not in OLDER_ASSERTION:
                faults.append(f"the assertion's {name} is {head.get(name)}, theirs {their_head.get(name)}")
        for name in sorted({*their_claims, *claims} - {"iat", "exp", "nbf", "jti"}):
            if their_claims.get(name) != claims.get(name):
                faults.append(f"the assertion's {name} is {claims.get(name)}, theirs {their_claims.get(name)}")
        if not 0 < claims["exp"] - time.time() <= 600:
            faults.append(f"the assertion lives {claims['exp'] - time.time():.0f} s")
        return faults

    def both(self, library, exchange, what, theirs, ours):
        """Lets both sides make the exchange, and compares the requests that `what` fits."""
        began = len(self.theirs.requests), len(self.ours.requests)
        for side, act in (("the library", theirs), ("Credence", ours)):
            try:
                act()
            except Exception as error:
                if side == "Credence":
                    print(f"  {side}, {exchange}: {type(error).__name__}: {error}")
        for name, fits in what.items():
            self.compare(
                library, f"{exchange}{name}", self.theirs.take(fits, began[0]), self.ours.take(fits, began[1]))

    def run(self):
        self.start_the_service("--label", "peer=vendor")
        self.admin_key = self.command.run("callers", "add", "root", "--role", "admin")["key"]
        for part in (self.azure, self.dropbox, self.salesforce, self.github):
            part()
        self.stop_the_service()
        print(f"{self.results.count(True)} passed, {self.results.count(False)} failed", flush=True)
        return all(self.results)

    def azure(self):
        tenant, scopes = f"tenant={vendor.TENANT}", ["User.Read"]
        asked = ["--scope", "User.Read", "--scope", "offline_access", "--scope", "openid", "--scope", "profile"]
        back = self.client("graph", "azure-ad", "--field", tenant, *asked)
        self.both(
            "msal", "code", {", authorization": at("/authorize"), ", exchange": grant("authorization_code")},
            lambda: vendor.msal_code(back, scopes), lambda: self.connect("graph"))
        self.both(
            "msal", "refresh", {"": grant("refresh_token")}, lambda: vendor.msal_refresh(scopes),
            lambda: self.renew("graph"))
        with open(self.key) as key, open(self.certificate) as certificate:
            pair = key.read(), certificate.read()
        certified = ["--key-file", self.key, "--certificate-file", self.certificate]
        job = ["--field", tenant, "--grant", "client_credentials", "--scope", vendor.GRAPH]
        self.client("job", "azure-ad", *job)
        self.client("certified", "azure-ad", *job, *certified, secret=None)
        for library, theirs, ours in (
            ("msal", vendor.msal_job, "job"), ("azure-identity", vendor.azure_identity_job, "job"),
            ("msal", lambda: vendor.msal_certificate(*pair), "certified"),
            ("azure-identity", lambda: vendor.azure_identity_certificate(*pair), "certified"),
        ):
            title = "client credentials, " + ("certificate" if ours == "certified" else "secret")
            name = f"{ours}-{library}"
            self.both(
                library, title, {"": grant("client_credentials")}, theirs,
                lambda: self.command.run("connections", "add", name, "--client", ours))
        exchange = ["--field", tenant, "--grant", "token-exchange", "--scope", vendor.GRAPH]
        self.client("obo", "azure-ad", *exchange)
        self.both(
            "msal", "on behalf of", {"": grant("urn:ietf:params:oauth:grant-type:jwt-bearer")},
            vendor.msal_on_behalf, lambda: self.command.run(
                "connections", "add", "obo", "--client", "obo", "--subject-token-stdin", stdin=vendor.USER_TOKEN))
        self.client("device", "azure-ad", "--field", tenant, *asked, "--auth", "none", secret=None)

        def device():
            self.command.run("connections", "add", "device", "--client", "device", "--grant", "device_code")
            command = self.command.command("connections", "connect", "device", "--device")
            subprocess.run(command, check=True, capture_output=True, timeout=60)

        self.both(
            "msal", "device",
            {", authorization": at("/devicecode"), ", poll": grant("urn:ietf:params:oauth:grant-type:device_code")},
            lambda: vendor.msal_device(scopes), device)

    def dropbox(self):
        back = self.client("files", "dropbox")
        self.both(
            "dropbox", "code", {", authorization": at("/authorize"), ", exchange": grant("authorization_code")},
            lambda: vendor.dropbox_code(back), lambda: self.connect("files"))
        self.both(
            "dropbox", "refresh", {"": grant("refresh_token")}, vendor.dropbox_refresh, lambda: self.renew("files"))
        self.both(
            "dropbox", "revocation", {"": at("/token/revoke")}, vendor.dropbox_revoke,
            lambda: self.command.run("connections", "remove", "files"))

    def salesforce(self):
        job = ["--grant", "client_credentials", "--field", "login_host=acme.my.salesforce.com"]
        self.client("crm-job", "salesforce", *job, "--auth", "client_secret_basic")
        self.both(
            "simple-salesforce", "client credentials", {"": grant("client_credentials")}, vendor.salesforce_job,
            lambda: self.command.run("connections", "add", "crm-job", "--client", "crm-job"))
        self.client("crm-robot", "salesforce", "--grant", "jwt-bearer", "--key-file", self.key, secret=None)
        with open(self.key) as key:
            private = key.read()
        self.both(
            "simple-salesforce", "JWT bearer", {"": grant("urn:ietf:params:oauth:grant-type:jwt-bearer")},
            lambda: vendor.salesforce_assertion(private), lambda: self.command.run(
                "connections", "add", "crm-robot", "--client", "crm-robot", "--field", "subject=alice@acme.example"))

    def github(self):
        back = self.client("code", "github")
        self.both(
            "PyGithub", "code", {", authorization": at("/authorize"), ", exchange": sends("code")},
            lambda: vendor.github_code(back), lambda: self.connect("code"))
        self.both(
            "PyGithub", "refresh", {"": grant("refresh_token")}, vendor.github_refresh, lambda: self.renew("code"))
        self.client("robot", "github-app", "--key-file", self.key, secret=None)
        with open(self.key) as key:
            private = key.read()
        self.both(
            "PyGithub", "installation token", {"": at("/access_tokens")}, lambda: vendor.github_installation(private),
            lambda: self.command.run("connections", "add", "robot", "--client", "robot", "--field", "installation_id=42"))


def at(path):
    return lambda request: urllib.parse.urlsplit(request.url).path.endswith(path)


def grant(kind):
    return lambda request: request.parameters.get("grant_type") == kind


def sends(name):
    return lambda request: name in request.parameters


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--credence", required=True)
    warnings.simplefilter("ignore")
    print("vendors' own libraries", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison(parser.parse_args().credence, folder)
        try:
            passed = comparison.run()
        except (Failure, OSError) as error:
            print(f"  FAIL {type(error).__name__}: {error}")
            comparison.show_logs()
            passed = False
        finally:
            for server in comparison.servers:
                server.stop()
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
