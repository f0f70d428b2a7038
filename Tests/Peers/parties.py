"""The parties of a round and what they do: the peer and its witness, the service, its callers, the owner's browser."""

import dataclasses
import json
import os
import pathlib
import secrets
import subprocess
import time

from browser import Browser, origin
from processes import CommandLine, Failure, Server, free_port, request

HERE = os.path.dirname(os.path.abspath(__file__))
LIFETIME = 8  # seconds an access token lives at the peers
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

    def start_the_peer(self, registrations):
        """Starts the peer with these clients, whose secrets and keys are made here; returns them, filled in."""
        made = [self._made(registration) for registration in registrations]
        state = os.path.join(self.folder, "peer")
        os.mkdir(state)
        command = [self.peer_python, os.path.join(HERE, self.peer.script), "--state", state, "--user", OWNER]
        command += ["--access-token-lifetime", str(LIFETIME)]
        clients = json.dumps([dataclasses.asdict(registration) for registration in made])
        environment = {"PEER_CLIENTS": clients, "PEER_PASSWORD": self.keep("owner's password")}
        self.base = self.start("peer", command, environment).ready_line.split("listening on ")[1]
        check(self.seen() == [], "the peer saw token requests before anybody asked")
        return made

    def _made(self, registration):
        """With a secret that form-encoding has to touch (RFC 6749 §2.3.1), or with a key in `key_file`."""
        made = dataclasses.replace(registration)
        if registration.grant == "authorization_code":
            made.redirect_uri = f"{self.public_url}/callback/{registration.name}"
        if registration.key:
            maker = [self.peer_python, os.path.join(HERE, "make_key.py"), registration.key, self.key_file(made)]
            made.public_key = subprocess.run(maker, check=True, capture_output=True, text=True, timeout=60).stdout
            with open(self.key_file(made)) as pem:
                lines = pem.read().splitlines()
            self.keep(f"key of {registration.name}", lines[len(lines) // 2])  # a line of the private part
        elif registration.auth != "none":
            made.secret = self.keep(f"secret of {registration.name}", secrets.token_urlsafe(32) + "+/%=&:~")
        return made

    def key_file(self, registration):
        return os.path.join(self.folder, f"{registration.name}.pem")

    def start_the_service(self, *rule):
        """Starts the service, with an app and a runtime that may do what `rule` says."""
        for name, value in self.command.run("init").items():
            if str(value).startswith("crd_"):
                self.keep(f"init's {name}", value)
        app = self.command.run("callers", "add", "app", "--role", "app", *rule)
        runtime = self.command.run("callers", "add", "runtime", "--role", "runtime", *rule)
        self.app_key = self.keep("app's key", app["key"])
        self.runtime_key = self.keep("runtime's key", runtime["key"])
        address = self.public_url.removeprefix("http://")
        command = [self.credence, "serve", "--data", self.data, "--listen", address, "--public-url", self.public_url]
        command += ["--management-listen", f"127.0.0.1:{free_port()}", "--development"]
        self.service = self.start("credence", command)
        return self.service.ready_line

    def register(self, registration, fields, *options):
        """`clients add`, as an administrator does it."""
        arguments = ["clients", "add", registration.name, "--provider", "oauth2", *options]
        arguments += ["--client-id", registration.client_id]
        for name, value in fields.items():
            arguments += ["--field", f"{name}={value}"]
        for scope in registration.scopes:
            arguments += ["--scope", scope]
        if registration.key:
            arguments += ["--key-file", self.key_file(registration)]
        if registration.secret:
            arguments += ["--secret-stdin"]
        return self.command.run(*arguments, stdin=f"{registration.secret}\n" if registration.secret else "")

    def stop_the_service(self):
        code = self.service.stop()
        check(code == 0, f"SIGTERM ended the service with {code}")
        found = [name for name, secret in self.canaries.items() if self.written(secret)]
        check(not found, f"in the data folder or the log stand, readable: {', '.join(found)}")
        return f"exit 0; none of {len(self.canaries)} secrets readable in the data folder or the log"

    def hide(self, text):
        for name, secret in list(self.canaries.items()):
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

    def walk(self, link, answer, browser=None):
        """The link, Credence's page, the peer's login and consent pages, and back: the page one ends on."""
        browser = browser or self.browser
        check(origin(link) == self.public_url, f"the consent link leads elsewhere: {origin(link)}")
        page = browser.open(link)
        check(page.status == 200 and page.forms, f"the consent page: {page.status} {page.text[:500]}")
        form = next((form for form in page.forms if form.method == "post"), None)
        check(form, "the consent page has no POST form")
        page = browser.submit(page, form)
        for _ in range(4):
            if origin(page.url) == self.public_url:
                return page
            page = self.answer_page(browser, page, answer)
        raise Failure("no way back from the peer: " + ", ".join(browser.trail[-8:]))

    def answer_page(self, browser, page, answer, filled=None):
        """Signs in where the peer's page asks for that, else fills the form in and presses `answer`."""
        login, question = page.form_with("password"), page.form_with_button(answer)
        check(login or question, f"stuck at {page.url.split('?')[0]}: {page.status} {page.text[:500]}")
        if login:
            return browser.submit(page, login, {"username": OWNER, "password": self.canaries["owner's password"]})
        return browser.submit(page, question, filled, button=answer)

    def written(self, secret):
        """Whether `secret` stands, readable, in the data folder or in what the service printed."""
        files = [path for path in pathlib.Path(self.data).rglob("*") if path.is_file()]
        return secret in self.service.output() or any(secret.encode() in path.read_bytes() for path in files)

    def show_logs(self):
        for server in self.servers:
            print(f"  last lines of {server.name}:")
            lines = [line for line in server.output().splitlines() if " /witness " not in line]  # our own questions
            for line in lines[-30:]:
                print(self.hide(f"    {line}"))
        print(f"  the browser's last steps: {', '.join(self.browser.trail[-8:]) or 'none'}")
