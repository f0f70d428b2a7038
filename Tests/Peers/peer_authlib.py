"""An authorization server out of Authlib's grants, in Flask, in memory, HTTP/1.1 with keep-alive.

Authlib judges requests and makes tokens. Ours are the rows it asks for, three pages, a protected resource,
and the witness. A refresh token works once; a second use revokes its whole family (RFC 9700 §4.14.2).
"""

import os
import secrets

from peer_options import options, ready
from witness import Witness

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain http on loopback

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector, current_token  # noqa: E402
from authlib.oauth2 import OAuth2Error  # noqa: E402
from authlib.oauth2.rfc6750 import BearerTokenGenerator  # noqa: E402
from authlib.oidc.discovery import OpenIDProviderMetadata  # noqa: E402
from flask import Flask, jsonify, redirect, request, session  # noqa: E402
from joserfc.jwk import KeySet, RSAKey  # noqa: E402
from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: E402

import peer_authlib_grants as grants  # noqa: E402
from peer_authlib_rows import GRANT_TYPES, Client, Owner, answered_devices, clients, devices, lock  # noqa: E402
from peer_authlib_rows import owned_by, remember, revoke  # noqa: E402

witness = Witness()


def page(title, body):
    return f"<!doctype html><title>{title}</title><h1>{title}</h1><form method=post>{body}</form>"


BUTTONS = "<button name=answer value=no>Deny</button><button name=answer value=yes>Allow</button>"


def authorization_server(app, chosen, key):
    lifetime = chosen.access_token_lifetime
    clients.update({registration.client_id: Client(registration) for registration in chosen.registrations})
    grants.Bearer.owner = chosen.user
    server = AuthorizationServer(
        app,
        query_client=clients.get,
        save_token=lambda answer, oauth_request: remember(answer, oauth_request, lifetime),
    )
    tokens = BearerTokenGenerator(
        lambda **_: secrets.token_urlsafe(32),
        lambda **_: secrets.token_urlsafe(36),
        lambda client, _: lifetime if client.registration.says_lifetime else None,
    )
    server.register_token_generator("default", tokens)
    server.register_client_auth_method(grants.Assertion.CLIENT_AUTH_METHOD, grants.Assertion())
    server.register_grant(grants.CodeGrant, [grants.OnlyS256(required=True), grants.OpenID(key)])
    for grant in (grants.RotatingRefresh, grants.ClientCredentials, grants.Bearer, grants.DeviceGrant):
        server.register_grant(grant)
    for endpoint in (grants.Revocation, grants.Introspection, grants.DeviceAuthorization):
        server.register_endpoint(endpoint)
    server.register_extension(grants.Issuer())
    return server


def metadata():
    """RFC 8414 §2, held against Authlib's own model of it."""
    base = grants.issuer()
    methods = ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"]
    found = OpenIDProviderMetadata(
        issuer=base,
        authorization_endpoint=f"{base}/authorize",
        token_endpoint=f"{base}/token",
        revocation_endpoint=f"{base}/revoke",
        introspection_endpoint=f"{base}/introspect",
        device_authorization_endpoint=f"{base}/device_authorization",
        jwks_uri=f"{base}/jwks",
        response_types_supported=["code"],
        grant_types_supported=sorted({name for names in GRANT_TYPES.values() for name in names}),
        token_endpoint_auth_methods_supported=methods,
        token_endpoint_auth_signing_alg_values_supported=["RS256", "ES256", "HS256"],
        code_challenge_methods_supported=["S256"],
        subject_types_supported=["public"],
        id_token_signing_alg_values_supported=["RS256"],
        authorization_response_iss_parameter_supported=True,
    )
    secured = OpenIDProviderMetadata({k: https(v) for k, v in found.items()})
    secured.validate()
    return found


def https(value):
    """The model wants https, which loopback has not."""
    return value.replace("http:", "https:", 1) if isinstance(value, str) else value


def add_pages(app, server, chosen):
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
                return page("Allow Credence in?", BUTTONS)
            agreed = request.form.get("answer") == "yes"
            return server.create_authorization_response(grant=grant, grant_user=owner if agreed else None)

    @app.route("/device", methods=["GET", "POST"])
    def device():
        if "owner" not in session:
            session["after_login"] = request.full_path
            return redirect("/login")
        if request.method == "GET":
            return page("Which code does your device show?", f"<input name=user_code>{BUTTONS}")
        with lock:
            code = request.form.get("user_code")
            if code not in [row["user_code"] for row in devices.values()]:
                return page("No such code", ""), 404
            answered_devices[code] = (Owner(session["owner"]), request.form.get("answer") == "yes")
        return page("Thank you", "")


def add_endpoints(app, server, key):
    def watched(name, saw):
        with lock:
            response = server.create_endpoint_response(name)
            if saw and response.status_code == 200:
                saw(request.form, request.headers.get("Authorization"))
            return response

    @app.post("/token")
    def token():
        with lock:
            response = server.create_token_response()
            authorization = request.headers.get("Authorization")
            witness.saw_token_request(request.form, authorization, response.status_code, response.get_data())
            return response

    @app.post("/revoke")
    def revocation():
        return watched(grants.Revocation.ENDPOINT_NAME, witness.saw_revocation)

    @app.post("/introspect")
    def introspection():
        return watched(grants.Introspection.ENDPOINT_NAME, witness.saw_introspection)

    @app.post("/device_authorization")
    def device_authorization():
        return watched(grants.DeviceAuthorization.ENDPOINT_NAME, None)

    @app.get("/jwks")
    def keys():
        return jsonify(KeySet([key]).as_dict(private=False))

    @app.get("/.well-known/oauth-authorization-server")
    @app.get("/.well-known/openid-configuration")
    def well_known():
        return jsonify(metadata())


def application(chosen):
    app = Flask(__name__)
    app.secret_key = secrets.token_bytes(32)
    key = RSAKey.generate_key(2048, auto_kid=True)
    server = authorization_server(app, chosen, key)
    add_pages(app, server, chosen)
    add_endpoints(app, server, key)
    protect = ResourceProtector()
    protect.register_token_validator(grants.Validator())

    @app.get("/resource")
    @protect("read")
    def resource():
        owner = current_token.get_user()
        return jsonify(owner=owner.name if owner else None)

    @app.get("/witness")
    def report():
        return jsonify(witness.report())

    @app.post("/witness/revoke")
    def revoke_all():
        with lock:
            return jsonify(revoked=revoke(owned_by(request.get_json()["user"])))

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
