"""An authorization server out of Authlib's grants, in Flask, in memory, HTTP/1.1 with keep-alive.

Authlib judges requests and makes tokens. Ours are the rows it asks for, the two pages, a protected resource,
and the witness. A refresh token works once; a second use revokes its whole family (RFC 9700 §4.14.2).
"""

import os
import secrets
import threading
import time
from dataclasses import dataclass

from peer_options import options, ready
from witness import Witness

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain http on loopback

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector, current_token  # noqa: E402
from authlib.oauth2 import OAuth2Error  # noqa: E402
from authlib.oauth2.rfc6749 import (  # noqa: E402
    AuthorizationCodeGrant,
    AuthorizationCodeMixin,
    ClientMixin,
    RefreshTokenGrant,
    TokenMixin,
)
from authlib.oauth2.rfc6750 import BearerTokenValidator  # noqa: E402
from authlib.oauth2.rfc7009 import RevocationEndpoint  # noqa: E402
from authlib.oauth2.rfc7636 import CodeChallenge  # noqa: E402
from authlib.oauth2.rfc9207 import IssuerParameter  # noqa: E402
from flask import Flask, jsonify, redirect, request, session  # noqa: E402
from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: E402

SCOPES = {"read", "write"}
witness = Witness()
lock = threading.RLock()  # one request at a time: the rows below are plain dictionaries
codes, by_access, by_refresh = {}, {}, {}


@dataclass
class Owner:
    name: str

    def get_user_id(self):
        return self.name


class Client(ClientMixin):
    def __init__(self, chosen):
        self.client_id = chosen.client_id
        self._secret = chosen.client_secret
        self._redirect_uri = chosen.redirect_uri

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return self._redirect_uri

    def get_allowed_scope(self, scope):
        return " ".join(name for name in scope.split() if name in SCOPES) if scope else "read"

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == self._redirect_uri

    def check_client_secret(self, client_secret):
        return secrets.compare_digest(client_secret, self._secret)

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_basic"

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type in ("authorization_code", "refresh_token")


@dataclass
class Code(AuthorizationCodeMixin):
    client_id: str
    owner: Owner
    redirect_uri: str
    scope: str
    code_challenge: str
    code_challenge_method: str
    expires_at: float

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope


@dataclass
class Token(TokenMixin):
    client: Client
    owner: Owner
    scope: str
    expires_in: int
    issued_at: float
    family: str
    revoked: bool = False
    spent: bool = False

    def check_client(self, client):
        return client.client_id == self.client.client_id

    def get_client(self):
        return self.client

    def get_user(self):
        return self.owner

    def get_scope(self):
        return self.scope

    def get_expires_in(self):
        return self.expires_in

    def is_expired(self):
        return time.time() >= self.issued_at + self.expires_in

    def is_revoked(self):
        return self.revoked


def revoke(chosen_tokens):
    """Revokes, and returns how many grants that ended."""
    families = {token.family for token in chosen_tokens if not token.revoked}
    for token in chosen_tokens:
        token.revoked = True
    return len(families)


def family(name):
    return [token for token in by_access.values() if token.family == name]


def store_token(answer, oauth_request):
    previous = getattr(oauth_request, "refresh_token", None)
    token = Token(
        client=oauth_request.client,
        owner=oauth_request.user,
        scope=answer.get("scope", ""),
        expires_in=answer["expires_in"],
        issued_at=time.time(),
        family=previous.family if previous else secrets.token_hex(8),
    )
    by_access[answer["access_token"]] = token
    by_refresh[answer["refresh_token"]] = token


class CodeGrant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]

    def save_authorization_code(self, code, oauth_request):
        sent = oauth_request.payload.data
        codes[code] = Code(
            client_id=oauth_request.client.client_id,
            owner=oauth_request.user,
            redirect_uri=oauth_request.payload.redirect_uri,
            scope=oauth_request.client.get_allowed_scope(oauth_request.payload.scope),
            code_challenge=sent.get("code_challenge"),
            code_challenge_method=sent.get("code_challenge_method"),
            expires_at=time.time() + 60,
        )

    def query_authorization_code(self, code, client):
        found = codes.get(code)
        usable = found and found.client_id == client.client_id and time.time() < found.expires_at
        return found if usable else None

    def delete_authorization_code(self, authorization_code):
        for code in [code for code, row in codes.items() if row is authorization_code]:
            del codes[code]

    def authenticate_user(self, authorization_code):
        return authorization_code.owner


class RotatingRefresh(RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token):
        token = by_refresh.get(refresh_token)
        if token and token.spent:
            revoke(family(token.family))
        return token if token and not token.revoked else None

    def authenticate_user(self, refresh_token):
        return refresh_token.owner

    def revoke_old_credential(self, refresh_token):
        refresh_token.spent = True


class Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = ["client_secret_basic"]

    def query_token(self, token_string, token_type_hint):
        return by_refresh.get(token_string) or by_access.get(token_string)

    def revoke_token(self, token, oauth_request):
        revoke(family(token.family))


class Validator(BearerTokenValidator):
    def authenticate_token(self, token_string):
        return by_access.get(token_string)


def page(title, body):
    return f"<!doctype html><title>{title}</title><h1>{title}</h1><form method=post>{body}</form>"


def application(chosen):
    app = Flask(__name__)
    app.secret_key = secrets.token_bytes(32)
    app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
    app.config["OAUTH2_TOKEN_EXPIRES_IN"] = {
        "authorization_code": chosen.access_token_lifetime,
        "refresh_token": chosen.access_token_lifetime,
    }
    client = Client(chosen)
    server = AuthorizationServer(
        app, query_client=lambda name: client if name == client.client_id else None, save_token=store_token
    )
    server.register_grant(CodeGrant, [CodeChallenge(required=True)])
    server.register_grant(RotatingRefresh)
    server.register_endpoint(Revocation)

    class Issuer(IssuerParameter):
        def get_issuer(self):
            return request.host_url.rstrip("/")

    server.register_extension(Issuer())
    protect = ResourceProtector()
    protect.register_token_validator(Validator())

    @app.route("/login", methods=["GET", "POST"])
    def login():
        if request.method == "POST":
            right = secrets.compare_digest(request.form.get("password", ""), chosen.password)
            if right and request.form.get("username") == chosen.user:
                session["owner"] = chosen.user
                return redirect(session.pop("after_login", "/login"))
        return page("Sign in", "<input name=username><input type=password name=password><button>Sign in</button>")

    @app.route("/authorize", methods=["GET", "POST"])
    def authorize():
        if "owner" not in session:
            session["after_login"] = request.full_path
            return redirect("/login")
        owner = Owner(session["owner"])
        with lock:
            try:
                grant = server.get_consent_grant(end_user=owner)
            except OAuth2Error as error:
                return server.handle_error_response(None, error)
            if request.method == "GET":
                buttons = "<button name=answer value=no>Deny</button><button name=answer value=yes>Allow</button>"
                return page("Allow Credence in?", buttons)
            agreed = request.form.get("answer") == "yes"
            return server.create_authorization_response(grant=grant, grant_user=owner if agreed else None)

    @app.post("/token")
    def token():
        with lock:
            response = server.create_token_response()
            authorization = request.headers.get("Authorization")
            witness.saw_token_request(request.form, authorization, response.status_code, response.get_data())
            return response

    @app.post("/revoke")
    def revocation():
        with lock:
            response = server.create_endpoint_response(Revocation.ENDPOINT_NAME)
            if response.status_code == 200:
                witness.saw_revocation()
            return response

    @app.get("/resource")
    @protect("read")
    def resource():
        return jsonify(owner=current_token.get_user().name)

    @app.get("/witness")
    def report():
        return jsonify(witness.report())

    @app.post("/witness/revoke")
    def revoke_all():
        name = request.get_json()["user"]
        with lock:
            return jsonify(revoked=revoke([token for token in by_access.values() if token.owner.name == name]))

    return app


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code="-", size="-"):
        # The path without its query: codes and states do not belong in a log, not even in this one.
        self.log("info", "%s %s %s", self.command, self.path.split("?")[0], code)


if __name__ == "__main__":
    chosen = options(__doc__)
    server = make_server("127.0.0.1", 0, application(chosen), threaded=True, request_handler=Handler)
    ready(f"http://127.0.0.1:{server.server_port}")
    server.serve_forever()
