"""The parties of a round and what they do: the peer and its witness, the service, its callers, the owner's browser."""

import os
import pathlib
import secrets
import time

from browser import Browser, origin
from processes import CommandLine, Failure, Server, free_port, request

LIFETIME = 8  # seconds an access token lives at the peers
CLIENT_ID = "credence-peers"
OWNER = "alice"


def check(condition, message):
    if not condition:
        raise Failure(message)


class Parties:
    def __init__(self, peer, credence, peer_python, folder):
        self.peer, self.credence, self.peer_python, self.folder = peer, credence, peer_python, folder
        self.connection = f"{OWNER}-at-{peer.client}"
        self.public_url = f"http://127.0.0.1:{free_port()}"
        self.data = os.path.join(folder, "data")
        self.command = CommandLine(credence, self.data)
        self.browser = Browser()
        self.canaries = {}  # secrets by name, looked for at the end in everything that was written
        self.servers = []
        self.service = self.base = self.credential = None

    def start(self, name, command, environment=None):
        server = Server(name, command, os.path.join(self.folder, f"{name}.log"), environment)
        self.servers.append(server)
        return server

    def keep(self, name, secret=None):
        self.canaries[name] = secret or secrets.token_urlsafe(24)
        return self.canaries[name]

    def hide(self, text):
        for name, secret in self.canaries.items():
            text = text.replace(secret, f"<{name}>")
        return text

    def path(self):
        return f"/v1/connections/{self.connection}"

    def call(self, key, method, path, body=None):
        return request(method, self.public_url + path, body, {"Authorization": f"Bearer {key}"})

    def as_app(self, method, path, body=None):
        return self.call(self.app_key, method, path, body)

    def as_runtime(self, method, path, body=None):
        return self.call(self.runtime_key, method, path, body)

    def ask(self):
        return self.as_runtime("GET", f"{self.path()}/credential")

    def ask_current(self):
        answer = self.ask()
        return answer.json["access_token"] if answer.status == 200 else self.credential["access_token"]

    def until(self, satisfied):
        """Asks for the credential until `satisfied`, no longer than a lifetime and 15 s; 503 means not yet."""
        limit = time.monotonic() + LIFETIME + 15
        while True:
            answer = self.ask()
            if satisfied(answer):
                return answer
            check(answer.status in (200, 503), f"GET credential: {answer.describe()}")
            check(time.monotonic() < limit, f"GET credential, until the deadline: {answer.describe()}")
            time.sleep(0.3)

    def status(self):
        return self.as_app("GET", self.path()).expect(200, "GET connection").json["status"]

    def use(self, credential):
        """A call to the peer's resource with the headers that the credential brings."""
        return request("GET", f"{self.base}/resource", headers=credential["headers"])

    def witness(self):
        return request("GET", f"{self.base}/witness").expect(200, "the peer's witness").json

    def seen(self):
        return self.witness()["token_requests"]

    def issued(self):
        return [seen["access"] for seen in self.seen() if seen["status"] == 200]

    def rotation(self):
        """Each refresh presents the token that the answer before brought, and brings another one."""
        chain = self.seen()
        check(all(seen["status"] == 200 for seen in chain), f"the peer refused something: {chain}")
        check(len(chain) >= 2, "the peer saw no refresh")
        for before, after in zip(chain, chain[1:]):
            check(after["grant"] == "refresh_token", f"the peer saw {after}")
            check(after["presented"] == before["refresh"], f"not the newest refresh token: {before} then {after}")
            check(after["refresh"] not in (None, after["presented"]), f"no rotation: {after}")
        links = " → ".join(seen["refresh"] for seen in chain[-3:])
        return f"{len(chain) - 1} refreshes at the peer, refresh token {links}"

    def walk_to_active(self):
        """A new link for the connection, and the owner's yes."""
        answer = self.as_app("POST", f"{self.path()}/consent", {}).expect(201, "POST consent")
        page = self.walk(answer.json["url"], self.peer.allow)
        check(page.status == 200, f"the page after consent: {page.status} {page.text[:500]}")
        check(self.status() == "active", f"after consent the status is {self.status()}")

    def walk(self, link, answer):
        """The link, Credence's page, the peer's login and consent pages, and back: the page one ends on."""
        check(origin(link) == self.public_url, f"the consent link leads elsewhere: {origin(link)}")
        page = self.browser.open(link)
        check(page.status == 200 and page.forms, f"the consent page: {page.status} {page.text[:500]}")
        form = next((form for form in page.forms if form.method == "post"), None)
        check(form, "the consent page has no POST form")
        page = self.browser.submit(page, form)
        for _ in range(4):
            if origin(page.url) == self.public_url:
                return page
            login, question = page.form_with("password"), page.form_with_button(answer)
            check(login or question, f"stuck at {page.url.split('?')[0]}: {page.status} {page.text[:500]}")
            if login:
                filled = {"username": OWNER, "password": self.canaries["owner's password"]}
                page = self.browser.submit(page, login, filled)
            else:
                page = self.browser.submit(page, question, button=answer)
        raise Failure("no way back from the peer: " + ", ".join(self.browser.trail[-8:]))

    def written(self, secret):
        """Whether `secret` stands, readable, in the data folder or in what the service printed."""
        files = [path for path in pathlib.Path(self.data).rglob("*") if path.is_file()]
        return secret in self.service.output() or any(secret.encode() in path.read_bytes() for path in files)
