"""The rows that Authlib asks for: clients, owners, codes, tokens and device codes, in plain dictionaries."""

import secrets
import threading
import time
from dataclasses import dataclass

from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin
from authlib.oidc.core import AuthorizationCodeMixin
from joserfc.jwk import OctKey, import_key

lock = threading.RLock()  # one request at a time, for the sake of these
clients, codes, by_access, by_refresh, devices, answered_devices, assertions = {}, {}, {}, {}, {}, {}, set()

# Grants by the words of the registrations, as grant_type has them.
GRANT_TYPES = {
    "authorization_code": ("authorization_code", "refresh_token"),
    "device_code": ("urn:ietf:params:oauth:grant-type:device_code", "refresh_token"),
    "client_credentials": ("client_credentials",),
    "jwt-bearer": ("urn:ietf:params:oauth:grant-type:jwt-bearer",),
}


@dataclass
class Owner:
    name: str

    def get_user_id(self):
        return self.name


class Client(ClientMixin):
    def __init__(self, registration):
        self.registration = registration
        self.client_id = registration.client_id

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return self.registration.redirect_uri

    def get_allowed_scope(self, scope):
        allowed = self.registration.scopes
        return " ".join(name for name in scope.split() if name in allowed) if scope else "read"

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == self.registration.redirect_uri

    def check_client_secret(self, client_secret):
        return bool(self.registration.secret) and secrets.compare_digest(client_secret, self.registration.secret)

    def check_endpoint_auth_method(self, method, endpoint):
        """Only the one method that the client is registered for; Authlib has one name for both kinds of JWT."""
        registered = self.registration.auth
        by_assertion = registered in ("client_secret_jwt", "private_key_jwt")
        return method == ("client_assertion_jwt" if by_assertion else registered)

    def check_response_type(self, response_type):
        return response_type == "code" and self.check_grant_type("authorization_code")

    def check_grant_type(self, grant_type):
        return grant_type in GRANT_TYPES[self.registration.grant]

    def key(self):
        """What this client's assertions are verified with."""
        pem = self.registration.public_key
        if not pem:
            return OctKey.import_key(self.registration.secret)
        return import_key(pem, "EC" if self.registration.key == "ES256" else "RSA")


@dataclass
class Code(AuthorizationCodeMixin):
    client_id: str
    owner: Owner
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    expires_at: float

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return int(time.time())


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


def owned_by(name):
    return [token for token in by_access.values() if token.owner and token.owner.name == name]


def remember(answer, oauth_request, lifetime):
    """Stores the token of a token response; it lives as long whether or not the response says so."""
    previous = getattr(oauth_request, "refresh_token", None)
    token = Token(
        client=oauth_request.client,
        owner=oauth_request.user,
        scope=answer.get("scope", ""),
        expires_in=lifetime,
        issued_at=time.time(),
        family=previous.family if previous else secrets.token_hex(8),
    )
    by_access[answer["access_token"]] = token
    if answer.get("refresh_token"):
        by_refresh[answer["refresh_token"]] = token
