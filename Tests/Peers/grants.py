"""The rounds of the other grants: one peer, one service, and a client and a connection a round, side by side.

Each round is one line of evidence; a closing line counts them. What a peer cannot do has no round.
"""

import base64
import dataclasses
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from browser import BrowserError
from parties import Parties
from peers import RESOURCE
from processes import Failure, request
from rounds_owner import device, found_by_resource, openid
from rounds_unattended import client_credentials, jwt_bearer, revocation, unknown_lifetime
from trip import Trip

# The rounds by their client's name: the title, and the round.
ROUNDS = {
    "basic": ("client credentials, client_secret_basic", client_credentials),
    "post": ("client credentials, client_secret_post", client_credentials),
    "secret-jwt": ("client credentials, client_secret_jwt", client_credentials),
    "key-es256": ("client credentials, private_key_jwt ES256", client_credentials),
    "key-rs256": ("client credentials, private_key_jwt RS256", client_credentials),
    "bearer": ("JWT bearer", jwt_bearer),
    "bearer-key": ("JWT bearer, private_key_jwt", jwt_bearer),
    "removed": ("revocation at removal", revocation),
    "silent": ("introspection of an unknown lifetime", unknown_lifetime),
    "device": ("device authorization", device),
    "device-public": ("device authorization, public client", device),
    "openid": ("OpenID Connect", openid),
    "found": ("found by its resource, registered by itself", found_by_resource),
}


class Grants(Parties):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.watched = []

    def active(self, token):
        """What the peer's introspection says of a token, to somebody who is no part of Credence."""
        secret = urllib.parse.quote(self.canaries[f"secret of {RESOURCE.name}"], safe="")
        pair = base64.b64encode(f"{RESOURCE.client_id}:{secret}".encode()).decode()
        url = self.base + self.peer.introspection_endpoint
        headers = {"Authorization": f"Basic {pair}"}
        return request("POST", url, headers=headers, form={"token": token}).expect(200, "introspection").json["active"]

    def go(self, title, round, trip):
        """One round: whether it went as expected, and its line."""
        try:
            return True, f"{title}: {round(trip)}"
        except (Failure, BrowserError, OSError, KeyError, TypeError, ValueError) as error:
            steps = ", ".join(trip.browser.trail[-6:])
            return False, f"{title}: {type(error).__name__}: {error}" + (f"; browser: {steps}" if steps else "")

    def run(self, name):
        results = []

        def show(passed, line):
            results.append(passed)
            print(self.hide(f"  {'ok  ' if passed else 'FAIL'} {len(results):2} {line}"), flush=True)

        print(f"{name}, the other grants", flush=True)
        try:
            made = self.start_the_peer([*self.peer.registrations, RESOURCE])[:-1]
            self.start_the_service("--label", "round=grants")
            found = [Trip(self, dataclasses.replace(registration)) for registration in self.peer.unregistered]
            for trip in found:
                trip.find(f"{self.base}/resource")
            trips = [*(Trip(self, registration) for registration in made), *found]
            with ThreadPoolExecutor(len(trips)) as pool:
                going = [pool.submit(self.go, *ROUNDS[trip.id], trip) for trip in trips]
                for one in going:
                    show(*one.result())
            show(True, f"stopped, nothing leaked: {self.stop_the_service()}")
        except (Failure, OSError) as error:
            show(False, f"{type(error).__name__}: {error}")
        finally:
            for running in [*self.watched, *reversed(self.servers)]:
                running.stop()
        if not all(results):
            self.show_logs()
        print(f"{results.count(True)} passed, {results.count(False)} failed", flush=True)
        return all(results)
