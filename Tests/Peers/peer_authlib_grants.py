"""Authlib's grants and endpoints, each told where the rows are. What is left out here is Authlib's own doing.

Authlib has no server side for token exchange (RFC 8693 is an empty module there), pushed requests (RFC 9126) or
DPoP (RFC 9449), so no round of it has them; Credence sends no request objects, so none has RFC 9101 either.
"""

import time

from authlib.oauth2.rfc6749 import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion, JWTBearerGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant, DeviceCredentialDict
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core import OpenIDCode, UserInfo
from flask import request

from peer_authlib_rows import Code, Owner, answered_devices, assertions, by_access, by_refresh, clients, codes
from peer_authlib_rows import devices, family, revoke

METHODS = ["client_secret_basic", "client_secret_post", "client_assertion_jwt"]


def issuer():
    return request.host_url.rstrip("/")


class OnlyS256(CodeChallenge):
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]


class CodeGrant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def save_authorization_code(self, code, oauth_request):
        sent = oauth_request.payload.data
        codes[code] = Code(
            client_id=oauth_request.client.client_id,
            owner=oauth_request.user,
            redirect_uri=oauth_request.payload.redirect_uri,
            scope=oauth_request.client.get_allowed_scope(oauth_request.payload.scope),
            nonce=sent.get("nonce"),
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
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS
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


class ClientCredentials(ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS


class Assertion(JWTBearerClientAssertion):
    """client_secret_jwt and private_key_jwt; an assertion is taken once."""

    def get_audiences(self):
        return [issuer(), f"{issuer()}/token"]

    def resolve_client_public_key(self, client):
        return client.key()

    def validate_jti(self, claims, jti):
        fresh = (claims["sub"], jti) not in assertions
        assertions.add((claims["sub"], jti))
        return fresh


class Bearer(JWTBearerGrant):
    owner = None  # set by the application: the one owner there is

    def get_audiences(self):
        return [issuer(), f"{issuer()}/token"]

    def resolve_issuer_client(self, name):
        return clients.get(name)

    def resolve_client_public_key(self, client):
        return client.key()

    def authenticate_user(self, subject):
        return Owner(subject) if subject == self.owner else None

    def has_granted_permission(self, client, user):
        return True


class DeviceAuthorization(DeviceAuthorizationEndpoint):
    CLIENT_AUTH_METHODS = METHODS
    INTERVAL = 1

    def get_verification_uri(self):
        return f"{issuer()}/device"

    def save_device_credential(self, client_id, scope, data):
        credential = DeviceCredentialDict(client_id=client_id, scope=scope, **data)
        credential["expires_at"] = time.time() + data["expires_in"]
        devices[data["device_code"]] = credential


class DeviceGrant(DeviceCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def query_device_credential(self, device_code):
        return devices.get(device_code)

    def query_user_grant(self, user_code):
        return answered_devices.get(user_code)

    def should_slow_down(self, credential):
        """Too early counts as too fast, with some tolerance for clocks (RFC 8628 §3.5)."""
        before, credential["polled"] = credential.get("polled", 0), time.monotonic()
        early = credential["polled"] - before < credential["interval"] * 0.5
        credential["interval"] += 5 if early else 0
        return early


class OpenID(OpenIDCode):
    """ID tokens for the scope `openid`; a nonce is wanted, and wanted new."""

    def __init__(self, key):
        super().__init__(require_nonce=True)
        self._key = key

    def resolve_client_private_key(self, client):
        return self._key

    def get_client_claims(self, client):
        return {"iss": issuer(), "aud": [client.client_id]}

    def get_encode_header(self, client):
        return {"alg": self.get_client_algorithm(client), "kid": self._key.kid}

    def exists_nonce(self, nonce, oauth_request):
        return any(code.nonce == nonce for code in codes.values())

    def generate_user_info(self, user, scope):
        return UserInfo(sub=user.name, email=f"{user.name}@example.com", email_verified=True)


class Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS = [*METHODS, "none"]

    def query_token(self, token_string, token_type_hint):
        return by_refresh.get(token_string) or by_access.get(token_string)

    def revoke_token(self, token, oauth_request):
        revoke(family(token.family))


class Introspection(IntrospectionEndpoint):
    CLIENT_AUTH_METHODS = METHODS

    def query_token(self, token_string, token_type_hint):
        return by_access.get(token_string)

    def check_permission(self, token, client, oauth_request):
        return True

    def introspect_token(self, token):
        end = int(token.issued_at + token.expires_in)
        return {"client_id": token.client.client_id, "scope": token.scope, "exp": end, "iss": issuer()}


class Validator(BearerTokenValidator):
    def authenticate_token(self, token_string):
        return by_access.get(token_string)


class Issuer(IssuerParameter):
    def get_issuer(self):
        return issuer()
