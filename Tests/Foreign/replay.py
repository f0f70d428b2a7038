"""The replay server of ../shared, started as it is, over a case file with the driver's client keys put in."""

import json
import os
import subprocess
import sys
import time
import urllib.parse

from keys import pem_of_jwk
from web import exchange, free_ports

STORE_PAUSE = 700  # ms that an answer waits, so that the store can be locked before it comes


def signing_algorithm(case):
    """The JWS algorithm of the case's assertions, DPoP apart; None when it signs none with a private key."""
    account = case.profile.get("service_account")
    if isinstance(account, dict):
        return account.get("key_alg") or account.get("alg") or "RS256"
    if case.profile.get("client_auth") == "private_key_jwt":
        return case.profile.get("client_key_alg") or "RS256"
    return None


def key_of(case, keys, shared):
    """(PEM, public JWK or None) that the client of this case signs with: the case's own, or one of the driver's."""
    algorithm = signing_algorithm(case)
    jwk = case.context.get("client_jwk")
    if isinstance(jwk, dict):
        pem = pem_of_jwk(jwk) or pem_of_jwk(_known_private(jwk, shared) or {})
        if pem:
            return pem, jwk
    return keys.pem(algorithm), keys.jwk(algorithm)


def _known_private(jwk, shared):
    """The private half, where the key is one of the replay server's seeded ones."""
    sys.path.insert(0, shared)
    import replay_jose as jose

    for name in ("rs1", "rs2", "es1", "es2", jwk.get("kid") or ""):
        if not name.startswith(("rs", "es")):
            continue
        known = jose.key(name)
        if jwk.get("n") and jwk.get("n") == known["jwk"].get("n"):
            seed = "credence-replay-" + name
            p, q = (jose._prime(seed + half, 1024) for half in "pq")
            pieces = {"d": known["d"], "p": p, "q": q}
            return {**jwk, **{k: jose.b64u(v.to_bytes((v.bit_length() + 7) // 8, "big")) for k, v in pieces.items()}}
        if jwk.get("x") and jwk.get("x") == known["jwk"].get("x"):
            return {**jwk, "d": jose.b64u(known["ecd"].to_bytes(32, "big"))}
    return None


def prepared(case, keys, shared):
    """The row as the replay server gets it: with the public key that the service's assertions are verified by."""
    row = json.loads(json.dumps(case.row))
    if signing_algorithm(case):
        row["request_context"]["client_jwk"] = key_of(case, keys, shared)[1]
    if case.is_about("store-fails-after-rotation") and not case.steps[0].get("delay_ms"):
        row["response"]["delay_ms"] = STORE_PAUSE
    return row


class Replay:
    def __init__(self, shared, cases, keys, folder):
        self._shared = shared
        path = os.path.join(folder, "cases.jsonl")
        with open(path, "w", encoding="utf-8") as out:
            for case in cases:
                out.write(json.dumps(prepared(case, keys, shared)) + "\n")
        port = free_ports(2)
        self.base, self.sink = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}"
        command = [sys.executable, os.path.join(shared, "replay_as.py"), "--cases", path, "--port", str(port)]
        self._log = open(os.path.join(folder, "replay.log"), "wb")
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        for _ in range(200):
            if exchange("GET", f"{self.base}/_admin/health").status == 200:
                break
            if self._process.poll() is not None:
                raise OSError(f"the replay server ended with {self._process.returncode}")
            time.sleep(0.05)
        self._warm(cases)

    def _warm(self, cases):
        """Its keys are made at their first use, which takes seconds: made now, no case waits for them."""
        seen = set()
        for case in cases:
            text = json.dumps(case.row)
            wanted = {name for name in ("rs1", "rs2", "rs3", "es1", "es2", "es3") if name in text}
            if "openid" in (case.context.get("scope_requested") or ""):
                wanted |= {"rs1", "es1"}
            if not wanted - seen or case.is_large:
                continue
            seen |= wanted
            query = urllib.parse.urlencode({"client_id": case.id, "scope": "openid", "redirect_uri": "http://x/"})
            form = {"grant_type": case.context.get("grant") or "authorization_code", "client_id": case.id}
            exchange("GET", f"{self.issuer(case)}/jwks")
            exchange("GET", f"{self.issuer(case)}/authorize?{query}")
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            exchange("POST", f"{self.issuer(case)}/token", headers, urllib.parse.urlencode(form).encode())
            self.reset(case)

    def issuer(self, case):
        return f"{self.base}/c/{case.id}"

    def render(self, text, case, **more):
        """The placeholders that do not depend on a request."""
        values = {"issuer": self.issuer(case), "base": self.base, "sink": self.sink, "id": case.id,
                  "client_id": case.id, "host": urllib.parse.urlsplit(self.base).netloc, **more}  # fmt: skip
        for name, value in values.items():
            text = text.replace("{{" + name + "}}", value)
        return text

    def reset(self, case):
        exchange("POST", f"{self.base}/_admin/reset/{case.id}", body=b"")

    def verdict(self, case):
        return exchange("GET", f"{self.base}/_admin/verdict/{case.id}").json or {}

    def journal(self, case):
        return exchange("GET", f"{self.base}/_admin/journal/{case.id}").json or []

    def scripted(self, case):
        return [hit for hit in self.journal(case) if hit["scripted"]]

    def await_hits(self, case, count, seconds):
        """Whether the scripted endpoint saw `count` requests within `seconds`."""
        limit = time.monotonic() + seconds
        while True:
            if len(self.scripted(case)) >= count:
                return True
            if time.monotonic() > limit:
                return False
            time.sleep(0.03)

    def stop(self):
        self._process.terminate()
        self._process.wait(10)
        self._log.close()
