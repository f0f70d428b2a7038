"""One connection of one client, from the registration to the removal, and what its peer must have seen of it."""

import datetime
import time

from browser import Browser
from parties import LIFETIME, OWNER, check
from processes import request
from witness import fingerprint


class Trip:
    def __init__(self, parties, registration):
        self.parties, self.registration = parties, registration
        self.id = registration.name
        self.browser = Browser()

    # At Credence.

    def register(self):
        options = ["--grant", self.registration.grant, "--auth", self.registration.auth]
        self.parties.register(self.registration, self.parties.peer.grant_fields(self.parties.base), *options)

    def add(self, *options, id=None):
        """`connections add`: the connection as it is shown."""
        arguments = ["connections", "add", id or self.id, "--client", self.registration.name, "--owner", OWNER]
        return self.parties.command.run(*arguments, "--label", "round=grants", *options)["connection"]

    def find(self, resource):
        """`connections add --resource` alone. It takes a client of the same issuer where there is one, so it goes
        before all others."""
        arguments = ["connections", "add", self.id, "--resource", resource, "--owner", OWNER]
        added = self.parties.command.run(*arguments, "--label", "round=grants")["connection"]
        self.client = self.parties.command.run("clients", "show", added["client"])
        self.registration.client_id, self.registration.auth = self.client["client_id"], self.client["auth"]

    def add_active(self, *options):
        """For a grant that needs nobody: active at creation, by one token request."""
        shown = self.add(*options)
        check(shown["status"] == "active", f"expected active at creation, got {shown['status']} {shown.get('reason')}")
        check("consent_url" not in shown, "a grant that needs nobody came with a link")

    def shown(self):
        return self.parties.command.run("connections", "show", self.id)

    def ask(self):
        return self.parties.as_runtime("GET", f"/v1/connections/{self.id}/credential")

    # At the peer.

    def seen(self, what="token_requests"):
        return [seen for seen in self.parties.witness()[what] if seen["client"] == self.registration.client_id]

    def issued(self):
        return [seen for seen in self.seen() if seen["status"] == 200]

    def use(self, credential):
        return request("GET", f"{self.parties.base}/resource", headers=credential["headers"])

    # Both, held against each other.

    def take(self, owner=OWNER):
        """The credential, which the peer must have issued to this client, and which its resource must take."""
        credential = self.ask().expect(200, f"GET credential of {self.id}").json
        check("refresh_token" not in credential, "the credential carries a refresh token")
        token = fingerprint(self.parties.keep(f"access token of {self.id}", credential["access_token"]))
        source = next((seen for seen in self.issued() if seen["access"] == token), None)
        check(source, f"expected a token that the peer issued, got {token}; it issued {self.issued()}")
        self.check_authentication(source)
        left = credential.get("expires_in")
        check(left is not None and 0 <= left <= LIFETIME, f"expected at most {LIFETIME} s to live, got {left}")
        used = self.use(credential).expect(200, f"the peer's resource, with the credential of {self.id}")
        check(used.json == {"owner": owner}, f"expected the resource to see the owner {owner}, it saw {used.json}")
        return credential, source

    def check_authentication(self, seen):
        """That the client authenticated as it is registered, in the witness's words."""
        jwt = {"client_secret_jwt": "HS256", "private_key_jwt": self.registration.key}.get(self.registration.auth)
        expected = f"assertion {jwt}" if jwt else self.registration.auth.removeprefix("client_secret_")
        got = seen["client_authentication"]
        check(got == expected, f"expected the peer to see {expected}, it saw {got}: {seen}")

    def take_anew(self, old, owner=OWNER):
        """Another one when `old` has ended on the peer's clock, too."""
        self.wait_for_end(old)
        limit = time.monotonic() + LIFETIME + 15
        while (answer := self.ask()).status != 200:
            check(answer.status == 503 and time.monotonic() < limit, f"GET credential: {answer.describe()}")
            time.sleep(0.3)
        new, source = self.take(owner)
        check(new["access_token"] != old["access_token"], "expected another token after the end of the first")
        check(new["version"] > old["version"], f"expected a later version than {old['version']}, got {new['version']}")
        return new, source

    def wait_for_end(self, credential):
        """Until the peer refuses the token; it may have begun to count a little later than Credence did."""
        end = datetime.datetime.fromisoformat(credential["expires_at"]).timestamp()
        while time.time() < end + 5:
            if time.time() > end and self.use(credential).status in (401, 403):
                return
            time.sleep(0.2)
        check(False, f"expected the peer to refuse the token of {self.id} 5 s after its end at the latest")

    def remove(self):
        """`connections remove`; returns what the peer saw of it at its revocation endpoint (RFC 7009)."""
        current = self.ask().expect(200, f"GET credential of {self.id} before removal").json
        self.parties.command.run("connections", "remove", self.id)
        self.ask().expect(404, f"GET credential of {self.id} after removal")
        limit = time.monotonic() + 10
        while not self.seen("revocations") and time.monotonic() < limit:
            time.sleep(0.1)
        revocations = self.seen("revocations")
        check(revocations, f"expected a revocation by {self.registration.client_id} at the peer, it saw none")
        refused = self.use(current).status
        check(refused in (401, 403), f"expected the peer's resource to refuse the revoked token, it said {refused}")
        return revocations

    def status(self, reaches, deadline=20):
        limit = time.monotonic() + deadline
        while (shown := self.shown())["status"] != reaches and time.monotonic() < limit:
            time.sleep(0.2)
        check(shown["status"] == reaches, f"expected {self.id} to become {reaches}, it is {shown}")
        return shown
