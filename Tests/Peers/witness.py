"""What a peer itself saw at its token endpoint: the independent side of every claim in round.py.

Tokens are kept as fingerprints only. The peers serve the list at GET /witness and take POST /witness/revoke,
by which the resource owner withdraws everything on the server's side.
"""

import hashlib
import json
import threading


def fingerprint(token):
    """The first 12 hex digits of a token's SHA-256, or None: enough to compare, useless as a token."""
    return hashlib.sha256(token.encode()).hexdigest()[:12] if token else None


class Witness:
    def __init__(self):
        self._lock = threading.Lock()
        self._token_requests = []
        self._revocations = 0

    def saw_token_request(self, form, authorization, status, body):
        """`form` and `authorization` are the request's, `status` and `body` (bytes) the server's answer."""
        try:
            answer = json.loads(body)
        except ValueError:
            answer = {}
        if not isinstance(answer, dict):
            answer = {}
        entry = {
            "grant": form.get("grant_type"),
            "client_authentication": "basic" if authorization else "post" if form.get("client_secret") else "none",
            "pkce": bool(form.get("code_verifier")),
            "presented": fingerprint(form.get("refresh_token")),
            "status": status,
            "error": answer.get("error"),
            "access": fingerprint(answer.get("access_token")),
            "refresh": fingerprint(answer.get("refresh_token")),
        }
        with self._lock:
            self._token_requests.append(entry)

    def saw_revocation(self):
        with self._lock:
            self._revocations += 1

    def report(self):
        with self._lock:
            return {"token_requests": list(self._token_requests), "revocations": self._revocations}
