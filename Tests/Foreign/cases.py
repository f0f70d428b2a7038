"""One case of the shared file, read: names, steps, what it asks of the driver. Members nobody knows are left alone."""

import base64
import hashlib
import json
import re
import urllib.parse

STRENGTHS = ("must", "should", "policy")
CODE, REFRESH, CLIENT = "authorization_code", "refresh_token", "client_credentials"
GRANTS = {
    "client_credentials": CLIENT,
    "jwt_bearer": "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "token_exchange": "urn:ietf:params:oauth:grant-type:token-exchange",
    "device": "urn:ietf:params:oauth:grant-type:device_code",
}
LARGE = 4 << 20  # bytes of an answer from which on the memory is watched


class Case:
    def __init__(self, row):
        self.row = row
        self.id, self.kind = row["id"], row.get("kind") or row["id"].split("--")[0]
        self.context = row.get("request_context") or {}
        self.profile = self.context.get("profile") or {}
        self.expect = row.get("expect") or {}
        self.outcome = self.expect.get("outcome")
        self.strength = self.expect.get("strength", "must")
        self.endpoint = self.context.get("endpoint") or "token"
        self.flow = self.context.get("flow") or CODE
        first = row.get("response") or {}
        self.steps = [first, *(first.get("then") or [])]
        self.tail = self.id.split("--", 1)[-1]
        # `^[a-z0-9][a-z0-9._-]{0,63}$` for a profile; a client's ID may be longer.
        name = re.sub(r"[^a-z0-9._-]", "-", self.id.lower()).lstrip("._-") or "case"
        digest = hashlib.sha256(self.id.encode()).hexdigest()[:8]
        self.name = name if name == self.id and len(name) <= 64 else f"{name[:55]}-{digest}"

    def is_about(self, *tails):
        """Whether the ID ends in one of these words: the README names the unusual cases so."""
        return any(self.tail == tail or self.tail.endswith("-" + tail) for tail in tails)

    def asks(self, member):
        return bool(self.expect.get(member) or self.context.get(member) or self.row.get(member))

    # What the case wants of the driver

    @property
    def restarts(self):
        return self.is_about("broker-restart-resumes", "verifier-survives-restart", "rotation-chain") or (
            "restart" in self.tail or self.asks("restart")
        )

    @property
    def is_large(self):
        return any(len(step.get("body") or "") * (step.get("repeat") or 1) >= LARGE for step in self.steps)

    @property
    def wants_own_service(self):
        own = ("expired-state", "store-fails-after-rotation")
        # A nonce counts for the whole server (RFC 9449 §8), and all cases live on one.
        first = any("nonce" in (rule.get("dpop") or {}).get("absent", []) for rule in self.rules)
        apart = self.restarts or self.is_large or first
        return apart or self.is_about(*own) or bool(self.context.get("environment"))

    @property
    def is_slow(self):
        """Started first, so that the others run beside it."""
        waits = sum((step.get("delay_ms") or 0) + (step.get("drip_ms") or 0) * len(step.get("body") or "")
                    for step in self.steps)  # fmt: skip
        return self.wants_own_service or self.flow == "device" or waits > 1000 or self.kind == "refresh"

    @property
    def may_stay_unasked(self):
        """Whether the scripted endpoint need not be asked: it must not, or there is a reason to refuse before."""
        context, setup = self.context, self.context.get("setup_token") or {}
        early = self.outcome == "reject" and (self.endpoint == "discovery" or context.get("metadata"))
        without = "refresh_token" in setup and not setup["refresh_token"]
        return self.expect.get("max_hits") == 0 or bool(early) or without

    @property
    def scopes(self):
        asked = self.context.get("scope_requested")
        return asked if isinstance(asked, list) else (asked or "").split()

    @property
    def client_secret(self):
        """The case's, else the replay server's own; none for public clients, keys, and `id:` that must not be sent."""
        if self.context.get("client_secret") is not None:
            return self.context["client_secret"]
        method = self.profile.get("client_auth")
        if method in ("none", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"):
            return None
        if self.flow == "jwt_bearer" and not method:
            return None
        forbidden = [name.lower() for rule in self.rules for name in rule.get("header_absent") or []]
        if method == "client_secret_basic" and "authorization" in forbidden:
            return None
        return DEFAULT_SECRET

    @property
    def rules(self):
        rule = self.context.get("expect_request") or {}
        return rule if isinstance(rule, list) else [rule]

    def body(self, step):
        if "body_b64" in step:
            return base64.b64decode(step["body_b64"]).decode("utf-8", "replace")
        return step.get("body") or ""

    def secrets(self):
        """What must stand in no log, page or listing: (name, text). Words too short to be told apart are left out."""
        found = [("client_secret", self.context.get("client_secret") or DEFAULT_SECRET)]
        for step in self.steps:
            found += [pair for pair in issued(self.body(step)) if "{{" not in pair[1]]
        for number in range(1, 6):
            found += [
                (name, f"{short}-{self.id}-{number}")
                for name, short in (("code", "code"), ("access_token", "at"), ("refresh_token", "rt"))
            ]
        found.append(("device_code", f"dc-{self.id}"))
        return [(name, text) for name, text in found if is_telling(text)]


DEFAULT_SECRET = "s3cret-of-the-replay-as"  # what the replay server calls SECRET
TELLING = ("access_token", "refresh_token", "id_token", "device_code")


def is_telling(text):
    """Long enough, and no plain word, so that finding it means something."""
    return len(text) >= 8 and not re.fullmatch(r"[a-z]+[ _-]?[a-z]+", text)


def issued(body):
    """The secrets in a token response, whatever its form."""
    try:
        value = json.loads(body)
    except RecursionError:
        return []
    except ValueError:
        value = dict(urllib.parse.parse_qsl(body))
    found = []

    def walk(node):
        for name, inner in node.items() if isinstance(node, dict) else []:
            if name in TELLING and isinstance(inner, str) and inner:
                found.append((name, inner))
            walk(inner)

    walk(value)
    return found


def load(path):
    with open(path, encoding="utf-8") as lines:
        return [Case(json.loads(line)) for line in lines if line.strip()]
