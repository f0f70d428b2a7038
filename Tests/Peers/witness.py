"""What a peer itself saw at its endpoints: the independent side of every claim that the rounds make.

Tokens are kept as fingerprints only. The peers serve the list at GET /witness and take POST /witness/revoke,
by which the resource owner withdraws everything on the server's side.
"""

import base64
import hashlib
import json
import threading
import urllib.parse


def fingerprint(token):
    """The first 12 hex digits of a token's SHA-256, or None: enough to compare, useless as a token."""
    return hashlib.sha256(token.encode()).hexdigest()[:12] if token else None


def unverified(jwt):
    """Header and claims of a JWT as they stand there; the peer's library is who verifies them."""
    try:
        header, claims = (json.loads(base64.urlsafe_b64decode(part + "===")) for part in jwt.split(".")[:2])
    except ValueError:
        return {}, {}
    return header, claims


def sender(form, authorization):
    """Which client a request is from, and how it authenticates (RFC 6749 §2.3, RFC 7523 §2)."""
    if authorization:
        client, _, _ = base64.b64decode(authorization.split(" ", 1)[1]).decode().partition(":")
        return urllib.parse.unquote_plus(client), "basic"
    if form.get("client_assertion"):
        header, claims = unverified(form["client_assertion"])
        return claims.get("sub"), f"assertion {header.get('alg')}"
    if form.get("client_secret"):
        return form.get("client_id"), "post"
    _, claims = unverified(form.get("assertion", ""))
    return form.get("client_id") or claims.get("iss"), "none"


class Witness:
    def __init__(self):
        self._lock = threading.Lock()
        self._token_requests = []
        self._introspections = []
        self._revocations = []

    def saw_token_request(self, form, authorization, status, body):
        """`form` and `authorization` are the request's, `status` and `body` (bytes) the server's answer."""
        try:
            answer = json.loads(body)
        except ValueError:
            answer = {}
        if not isinstance(answer, dict):
            answer = {}
        client, authentication = sender(form, authorization)
        entry = {
            "client": client,
            "grant": form.get("grant_type"),
            "client_authentication": authentication,
            "assertion": unverified(form.get("assertion", ""))[0].get("alg"),
            "resource": form.get("resource"),
            "pkce": bool(form.get("code_verifier")),
            "presented": fingerprint(form.get("refresh_token")),
            "status": status,
            "error": answer.get("error"),
            "access": fingerprint(answer.get("access_token")),
            "refresh": fingerprint(answer.get("refresh_token")),
            "lifetime": answer.get("expires_in"),
            "id_token": unverified(answer.get("id_token") or "")[0].get("alg"),
        }
        with self._lock:
            self._token_requests.append(entry)

    def saw_introspection(self, form, authorization):
        client, authentication = sender(form, authorization)
        seen = {"client": client, "client_authentication": authentication, "token": fingerprint(form.get("token"))}
        with self._lock:
            self._introspections.append(seen)

    def saw_revocation(self, form, authorization):
        client, authentication = sender(form, authorization)
        seen = {"client": client, "client_authentication": authentication, "token": fingerprint(form.get("token"))}
        with self._lock:
            self._revocations.append(seen)

    def report(self):
        with self._lock:
            return {
                "token_requests": list(self._token_requests),
                "introspections": list(self._introspections),
                "revocations": list(self._revocations),
            }
