"""A server on loopback that stands for every provider at once: /HOST/path is https://HOST/path. It notes what it is
asked and answers as the provider documents it."""

import http.server
import json
import threading
import time
import urllib.parse

from vendors_compare import is_jwt


class Request:
    """One request as it came, with its host put back."""

    def __init__(self, method, path, headers, body):
        host, _, rest = path.lstrip("/").partition("/")
        parts = urllib.parse.urlsplit(f"https://{host}/{rest}")
        self.method, self.url = method, f"https://{parts.netloc.removesuffix(':443')}{parts.path}"
        pairs = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
        self.query = dict(pairs)
        self.content_type = headers.get("Content-Type", "").split(";")[0].strip()
        self.authorization = headers.get("Authorization", "")
        text = body.decode("utf-8", "replace")
        if self.content_type == "application/json":
            self.parameters = json.loads(text or "null") or {}
        else:
            form = urllib.parse.parse_qsl(text, keep_blank_values=True)
            self.parameters = dict(form)
            pairs += form
        names = [name for name, _ in pairs]
        self.repeated = sorted({name for name in names if names.count(name) > 1})
        self.at = time.time()

    @property
    def credentials(self):
        """Where the client's secret or assertion stands."""
        if self.authorization:
            return self.authorization.split(" ")[0]
        if "client_secret" in self.parameters:
            return "body"
        return "assertion" if "client_assertion" in self.parameters else "none"

    @property
    def bearer_assertion(self):
        token = self.authorization.removeprefix("Bearer ")
        return token if is_jwt(token) else None

    @property
    def assertion(self):
        """The JWT that speaks for the client, or is the grant, wherever it stands."""
        found = [self.parameters.get("client_assertion"), self.parameters.get("assertion"), self.bearer_assertion]
        return next((token for token in found if is_jwt(token)), None)


def answer(request):
    """Status, headers and JSON of the provider's answer; the shapes are those of provider-facts."""
    path = urllib.parse.urlsplit(request.url).path
    host = urllib.parse.urlsplit(request.url).netloc
    token = {"access_token": "made-up-access", "token_type": "Bearer"}
    if "redirect_uri" in request.query and path.endswith("/authorize"):
        back = {"code": "made-up-code", "state": request.query.get("state", "")}
        return 302, {"Location": f"{request.query['redirect_uri']}?{urllib.parse.urlencode(back)}"}, None
    if path.endswith("/.well-known/openid-configuration"):
        base = f"https://{host}{path.removesuffix('/v2.0/.well-known/openid-configuration')}"
        found = {"issuer": f"{base}/v2.0", "jwks_uri": f"{base}/discovery/v2.0/keys"}
        for name in ("authorize", "token", "devicecode"):
            member = {"authorize": "authorization", "devicecode": "device_authorization"}.get(name, name)
            found[f"{member}_endpoint"] = f"{base}/oauth2/v2.0/{name}"
        return 200, {}, found
    if path.endswith("/devicecode") or path.endswith("/login/device/code"):
        return 200, {}, {
            "device_code": "made-up-device", "user_code": "MADE-UP", "interval": 1, "expires_in": 900,
            "verification_uri": "https://example.com/device", "message": "go there",
        }
    if "/app/installations/" in path:
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        return 201, {}, {"token": "ghs_made_up", "expires_at": soon, "permissions": {}, "repository_selection": "all"}
    if "dropbox" in host:
        token |= {"account_id": "dbid:made-up", "uid": "424242"}
    if path.endswith("/user"):
        return 200, {}, {"id": 1, "login": "made-up"}
    if path.endswith("/token/revoke"):
        return 200, {}, None
    if host.endswith("salesforce.com"):
        where = {"instance_url": "https://acme.my.salesforce.com", "issued_at": "1893456000123", "signature": "bWFk"}
        return 200, {}, {**token, **where, "id": f"https://{host}/id/00Dxx/005xx", "scope": "api refresh_token"}
    if request.parameters.get("grant_type") != "client_credentials":
        token["refresh_token"] = "made-up-refresh"
    return 200, {}, {**token, "expires_in": 3600, "scope": request.parameters.get("scope", "read")}


class Recorder:
    def __init__(self):
        self.requests, recorder = [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Request(self.command, self.path, self.headers, body)
                recorder.requests.append(request)
                status, headers, value = answer(request)
                data = b"null" if value is None else json.dumps(value).encode()
                self.send_response(status)
                for name, text in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = respond

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, fits, since=0):
        """The requests that `fits`, among those since that many."""
        return [request for request in self.requests[since:] if fits(request)]
