"""An authorization server that rotates refresh tokens and remembers every one: what it takes, and what that costs."""

import http.server
import json
import threading
import time
import urllib.parse


class Grant:
    def __init__(self):
        self.generation = 0  # of the newest refresh token
        self.highest = 0  # the newest that was ever presented
        self.calls, self.faults, self.is_revoked = 0, [], False


class Provider:
    """`mode`: what becomes of a refresh token that was used: `grace` (it is taken once more), `none` (it is refused), or
    `reuse` (it ends the whole grant)."""

    def __init__(self, mode):
        self.mode, self.grants, self.lock = mode, {}, threading.Lock()
        self.codes = 0
        self.hold = threading.Event()  # when set, answers wait for `let_go` after all was done
        self.let_go = threading.Event()
        self.arrived = threading.Event()
        self.before_answer = None
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
                provider.codes += 1
                back = {"code": f"{query['redirect_uri'].rsplit('/', 1)[1]}.{provider.codes}", "state": query["state"]}
                self.send_response(302)
                self.send_header("Location", f"{query['redirect_uri']}?{urllib.parse.urlencode(back)}")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                form = dict(urllib.parse.parse_qsl(body))
                status, answer = provider.answer(form)
                if form.get("grant_type") == "refresh_token":
                    provider.arrived.set()
                    if provider.before_answer:
                        provider.before_answer()
                    if provider.hold.is_set():
                        provider.let_go.wait(10)
                data = json.dumps(answer).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    pass  # who asked is gone

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, form):
        with self.lock:
            if form.get("grant_type") == "authorization_code":
                name = form["code"].rsplit(".", 1)[0]
                old = self.grants.get(name)
                self.grants[name] = grant = Grant()
                if old:
                    grant.faults = old.faults
                return 200, self.tokens(name, grant)
            name, _, number = form.get("refresh_token", "").rpartition("/")
            grant, presented = self.grants.get(name), int(number or -1)
            if grant is None:
                return 400, {"error": "invalid_grant"}
            grant.calls += 1
            if presented < grant.highest:
                grant.faults.append(f"token {presented} after {grant.highest} had been presented")
            grant.highest = max(grant.highest, presented)
            is_live = presented == grant.generation or (self.mode == "grace" and presented == grant.generation - 1)
            if grant.is_revoked or not is_live:
                grant.is_revoked = grant.is_revoked or self.mode == "reuse"
                return 400, {"error": "invalid_grant"}
            grant.generation += 1
            return 200, self.tokens(name, grant)

    @staticmethod
    def tokens(name, grant):
        return {
            "access_token": f"{name}/{grant.generation}/access", "refresh_token": f"{name}/{grant.generation}",
            "token_type": "Bearer", "expires_in": 3600,
        }

    def wait_for_call(self, seconds=10):
        limit = time.monotonic() + seconds
        while not self.arrived.is_set() and time.monotonic() < limit:
            time.sleep(0.002)
        return self.arrived.is_set()
