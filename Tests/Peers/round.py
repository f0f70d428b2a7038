"""One full round of Credence against a real authorization server: consent, credential, expiry, refresh with
rotation, revocation at the server, `reauthorization_required`, reconnection under the same ID, removal. Then the
rounds of the other grants (grants.py).

    round.py django-oauth-toolkit|authlib --credence BINARY --peer-python PYTHON

Every claim is checked against what the peer itself saw (witness.py). Tokens appear as the first 12 hex digits
of their SHA-256, never as themselves. One line a step; the last line is `N passed, N failed`.
"""

import argparse
import datetime
import hashlib
import os
import shutil
import sys
import tempfile
import time

from browser import BrowserError
from grants import Grants
from parties import LIFETIME, OWNER, Parties, check
from peer_options import Registration
from peers import PEERS
from processes import Failure, request
from witness import fingerprint

class Round(Parties):
    # The steps, in order. Each returns the evidence that its line shows.

    def start_peer(self):
        # With openid the OpenID document leads, which names no revocation endpoint: RFC 8414's must be read too.
        (self.registration,) = self.start_the_peer([Registration(self.peer.client, scopes=["openid", "read"])])
        return f"{self.base}, access tokens live {LIFETIME} s"

    def start_service(self):
        return self.start_the_service("--connection", self.connection)

    def register_client(self):
        self.register(self.registration, self.peer.fields(self.base))
        return ", ".join(self.peer.fields(self.base))

    def create_connection(self):
        wish = {"id": self.connection, "client": self.peer.client, "owner": OWNER, "labels": {"peer": self.peer.client}}
        answer = self.as_app("POST", "/v1/connections", wish).expect(201, "POST /v1/connections")
        check(answer.json["connection"]["id"] == self.connection, "the connection got another ID")
        check(answer.json["connection"]["status"] == "pending", "a connection without a grant is not pending")
        self.consent_url = answer.json["consent"]["url"]
        early = self.ask()
        check(early.status != 200, "a credential came before consent")
        return f"{self.connection} is pending, a credential is {early.status} {(early.json or {}).get('code')}"

    def refuse_consent(self):
        page = self.walk(self.consent_url, self.peer.deny)
        check("access_denied" in page.text, f"the page does not name access_denied: {page.status} {page.text[:500]}")
        check(self.seen() == [], "a refused consent led to a token request")
        check(self.status() == "pending", f"after a refused consent the status is {self.status()}")
        return f"page {page.status} names access_denied, no token request"

    def give_consent(self):
        self.walk_to_active()
        code_requests = [seen for seen in self.seen() if seen["grant"] == "authorization_code"]
        check(len(code_requests) == 1, f"the peer saw {len(code_requests)} code exchanges: {code_requests}")
        exchange = code_requests[0]
        check(exchange["status"] == 200 and exchange["pkce"], f"the exchange at the peer: {exchange}")
        check(exchange["client_authentication"] in ("basic", "post"), f"the exchange at the peer: {exchange}")
        return (
            f"{self.peer.token_endpoint} answered 200 with access {exchange['access']} refresh {exchange['refresh']}"
            f" ({exchange['client_authentication']}, PKCE)"
        )

    def first_credential(self):
        self.credential = self.ask().expect(200, "GET credential").json
        issued = self.issued()
        token = self.keep("first access token", self.credential["access_token"])
        check(fingerprint(token) in issued, f"{fingerprint(token)} was not issued by the peer, which issued {issued}")
        check(0 < self.credential["expires_in"] <= LIFETIME, f"expires_in is {self.credential['expires_in']}")
        check("refresh_token" not in self.credential, "the credential carries a refresh token")
        use = self.use(self.credential).expect(200, "GET the peer's resource with the credential's headers")
        check(use.json == {"owner": OWNER}, "the resource answered for somebody else")
        return f"handed out {fingerprint(token)}, issued by the peer, its resource answers 200"

    def refreshed_credential(self):
        old = self.credential
        expires_at = datetime.datetime.fromisoformat(old["expires_at"]).timestamp()
        while time.time() < expires_at + 1:  # the true end of life, on the clock that the peer has
            time.sleep(0.2)
        check(self.use(old).status in (401, 403), "the peer still takes the first token after its end")
        self.credential = new = self.until(lambda answer: answer.status == 200).json
        check(new["access_token"] != old["access_token"], "the first token was handed out after its end")
        token = self.keep("refreshed access token", new["access_token"])
        check(fingerprint(token) in self.issued(), f"{fingerprint(token)} was not issued by the peer")
        self.use(new).expect(200, "GET the peer's resource with the refreshed credential")
        return (
            f"first token ended, handed out {fingerprint(token)}; {self.rotation()};"
            f" version {old['version']} → {new['version']}"
        )

    def revoked_at_peer(self):
        revoked = request("POST", f"{self.base}/witness/revoke", {"user": OWNER}).expect(200, "revoking at the peer")
        check(revoked.json["revoked"] >= 1, "the peer had nothing to revoke")
        rejected = hashlib.sha256(self.ask_current().encode()).hexdigest()
        forced = self.as_runtime("POST", f"{self.path()}/credential/refresh", {"rejected_sha256": rejected})
        answer = self.until(lambda answer: answer.status == 409)
        problem = answer.json or {}
        check("application/problem+json" in answer.headers.get("Content-Type", ""), answer.describe())
        check(problem.get("code") == "reauthorization_required", answer.describe())
        check("consent_url" not in problem and problem.get("reason"), answer.describe())
        check(self.status() == "reauthorization_required", f"the connection's status is {self.status()}")
        refused = [seen for seen in self.seen() if seen["grant"] == "refresh_token" and seen["status"] != 200]
        check(refused, "the peer never refused a refresh")
        return f"forced refresh {forced.status}, peer said {refused[-1]['error']}, then 409 {problem['code']}"

    def reconnect(self):
        before = len(self.issued())
        self.walk_to_active()
        self.credential = self.ask().expect(200, "GET credential after reconnection").json
        token = self.keep("access token after reconnection", self.credential["access_token"])
        check(self.credential["connection"] == self.connection, "the credential is for another connection")
        check(fingerprint(token) in self.issued()[before:], f"{fingerprint(token)} is not from the new consent")
        self.use(self.credential).expect(200, "GET the peer's resource after reconnection")
        return f"same ID {self.connection}, handed out {fingerprint(token)}, issued by the peer"

    def remove(self):
        answer = self.as_app("DELETE", self.path())
        check(answer.status in (200, 202, 204), f"DELETE: {answer.describe()}")
        self.ask().expect(404, "GET credential after removal")
        limit = time.monotonic() + 10
        while not self.witness()["revocations"] and time.monotonic() < limit:
            time.sleep(0.1)
        check(self.witness()["revocations"], "the peer saw no revocation")
        check(self.use(self.credential).status in (401, 403), "the peer still takes the token")
        return "404 from now on, revoked at the peer"

    STEPS = (
        ("the peer starts", start_peer),
        ("the service starts", start_service),
        ("the client is registered", register_client),
        ("a connection waits for consent", create_connection),
        ("consent refused", refuse_consent),
        ("consent given", give_consent),
        ("first credential", first_credential),
        ("expiry, refresh, rotation", refreshed_credential),
        ("revoked at the peer", revoked_at_peer),
        ("reconnected", reconnect),
        ("removed", remove),
        ("stopped, nothing leaked", Parties.stop_the_service),
    )

    def run(self, name):
        passed = 0
        print(f"{name}", flush=True)
        try:
            for number, (title, step) in enumerate(self.STEPS, 1):
                try:
                    evidence = step(self)
                except (Failure, BrowserError, OSError, KeyError, TypeError) as error:
                    print(self.hide(f"  FAIL {number:2} {title}: {type(error).__name__}: {error}"))
                    self.show_logs()
                    break
                print(f"  ok   {number:2} {title}: {evidence}", flush=True)
                passed += 1
        finally:
            for server in reversed(self.servers):
                server.stop()
        failed = 1 if passed < len(self.STEPS) else 0
        skipped = len(self.STEPS) - passed - failed
        print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""), flush=True)
        return failed == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("--credence", required=True, metavar="BINARY")
    parser.add_argument("--peer-python", default=sys.executable, metavar="PYTHON")
    chosen = parser.parse_args()
    # The code round first, by itself: it looks at all that the peer saw.
    passed = [run_in_folder(kind, chosen) for kind in (Round, Grants)]
    return 0 if all(passed) else 1


def run_in_folder(kind, chosen):
    folder = tempfile.mkdtemp(prefix="credence-peers-")
    try:
        parties = kind(PEERS[chosen.peer](), os.path.abspath(chosen.credence), chosen.peer_python, folder)
        return parties.run(chosen.peer)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
