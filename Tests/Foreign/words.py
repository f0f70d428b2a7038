"""What answers say, in the words of the cases: codes, classes of errors, keys and secrets that went over the wire."""

import json
import re

from cases import is_telling
from keys import unb64u

# The codes of ConsentFailure and of BrokerError: the service's own words, which no provider said.
OWN = {
    "unknown_ticket", "expired_ticket", "unknown_state", "expired_state", "wrong_browser", "forged_form",
    "invalid_response", "refused", "provider_unavailable", "misconfigured", "connection_gone", "unavailable",
    "reauthorization_required", "not_found", "pending", "revoked", "expired", "rejected", "internal_error",
}  # fmt: skip


def holds(code, *texts):
    """Whether a code stands in one of the texts as a word."""
    pattern = re.compile(rf"(?<![A-Za-z0-9_]){re.escape(code)}(?![A-Za-z0-9_])")
    return any(pattern.search(text) for text in texts if text)


def error_codes(body):
    """The `error` of a JSON body, as a list of none or one."""
    try:
        code = json.loads(body).get("error")
    except (ValueError, AttributeError, RecursionError):
        return []
    return [code] if isinstance(code, str) and code else []


def code_of(answer):
    """The machine's word for a refusal: of a page `Code: …`, of a problem its reason, else its code."""
    if answer is None:
        return None
    if answer.member("code"):
        return answer.member("reason") or answer.member("code")
    match = re.search(r"Code:\s*(\S+)", answer.words)
    return match.group(1) if match else None


def class_of(answer):
    """transient: nobody must act; config: an administrator; protocol: the provider breaks the rules."""
    if answer is None:
        return set()
    actor, code = answer.member("act"), code_of(answer)
    if answer.member("revocation"):
        return {"transient"} if answer.member("revocation").get("status") == "pending" else {"config", "protocol"}
    if actor:
        return {"nobody": {"transient", "protocol"}, "administrator": {"config", "protocol"}}.get(actor, {actor})
    found = set()
    if code in ("provider_unavailable", "unavailable") or "Try again in a little while" in answer.words:
        found |= {"transient", "protocol"}
    if code in ("misconfigured",) or "administrator" in answer.words:
        found |= {"config", "protocol"}
    return found | ({"protocol"} if code == "invalid_response" else set())


def is_promised(answer):
    """503 as a problem with a code is in the contract; no page of a consent is a 5xx."""
    return answer.status == 503 and "problem+json" in answer.header("Content-Type") and answer.member("code")


def proof_key(hit):
    """The public key of a request's DPoP proof."""
    proof = next((value for name, value in hit["headers"] if name.lower() == "dpop"), None)
    try:
        return json.loads(unb64u(proof.split(".")[0]))["jwk"] if proof else None
    except (ValueError, KeyError, TypeError):
        return None


def sent_secrets(journal):
    """What the service itself made or passed on: verifiers, codes, assertions, refresh tokens."""
    names = ("code_verifier", "code", "client_assertion", "assertion", "refresh_token", "client_secret", "device_code")
    found = {(name, value) for hit in journal for name, value in hit["form"] if name in names and is_telling(value)}
    return sorted(found)


def gaps_between(case, journal):
    """Milliseconds between scripted requests; after a token the next one is another matter."""
    hits, steps = [hit["t_ms"] for hit in journal if hit["scripted"]], case.steps
    answered = [steps[min(index, len(steps) - 1)] for index in range(len(hits))]
    ended = [step.get("default") or "access_token" in case.body(step) for step in answered]
    return [after - before for before, after, end in zip(hits, hits[1:], ended) if not end]


def is_later(case, token, wanted):
    """The plain server's tokens may live for a second: a later one of the same row may stand already."""
    row = re.compile(rf"at-{re.escape(case.id)}-(\d+)")
    shown, named = row.fullmatch(token or ""), row.fullmatch(str(wanted))
    goes_on = case.flow == "refresh" and bool(case.steps[-1].get("default"))
    return bool(goes_on and shown and named) and int(shown[1]) > int(named[1])
