"""Holds what was seen against what the case expects. Every reason is a sentence of its own; none means passed."""

import json
import urllib.parse

from flows import is_personless
from words import OWN, class_of, code_of, error_codes, gaps_between, holds, is_later, is_promised, proof_key
from words import sent_secrets

SLACK = 2  # seconds that a lifetime may differ
GAP_SLACK = 25  # milliseconds


class Judge:
    def __init__(self, drive):
        self.drive, self.case, self.seen, self.replay = drive, drive.case, drive.seen, drive.replay
        self.expect = self.case.expect
        self.reasons = list(self.seen.faults)

    def fail(self, reason):
        self.reasons.append(reason)

    def judge(self):
        if self.seen.setup:
            return [self.seen.setup]
        self.outcome()
        self.fields()
        self.connection()
        self.server()
        self.answers()
        return self.reasons

    # What came of it

    def refusal(self):
        """The answer that says no, at the first step that did."""
        seen = self.seen
        if self.case.flow in ("introspection", "revocation"):
            return seen.introspection or seen.removal
        if self.case.flow == "device":
            return seen.device if seen.device is not None and seen.device.status != 201 else seen.credential
        if self.case.flow == "refresh" or is_personless(self.case):
            return seen.credential
        return seen.callback or seen.start

    def actual(self):
        """The outcome in the words of the cases, as far as the service shows it."""
        case, seen = self.case, self.seen
        if case.flow == "introspection":
            good = seen.introspection.status == 200 and isinstance(seen.introspection.member("active"), bool)
            return "ok" if good else self.kind_of(seen.introspection)
        if case.flow == "revocation":
            return self.revoked()
        if case.flow == "device":
            return self.device()
        if case.endpoint == "discovery" or case.endpoint == "par":
            began = seen.start is not None and 300 <= seen.start.status < 400
            return "ok" if began else self.kind_of(seen.start)
        if case.flow == "resource" and case.outcome == "ok":
            hits = [hit for hit in seen.journal if hit["scripted"]]
            taken = hits and 200 <= (hits[-1].get("status_sent") or 0) < 300
            return "ok" if taken else self.kind_of(self.refusal())
        if seen.credential is not None and seen.credential.status == 200:
            return "token"
        return self.kind_of(self.refusal())

    def kind_of(self, answer):
        """error: the provider's own code came through; reject: something else did."""
        code = code_of(answer)
        said = " ".join(self.case.body(step) + json.dumps(step.get("headers") or {}) for step in self.case.steps)
        codes = [code for step in self.case.steps for code in error_codes(self.case.body(step))]
        if any(holds(code, self.spoken()) for code in [self.expect.get("error"), *codes] if code):
            return "error"
        return "error" if code and code not in OWN and holds(code, said) else "reject"

    def spoken(self):
        """All that the caller, the owner and the administrator are told, the case's own ID apart."""
        seen, told = self.seen, []
        answers = (self.refusal(), seen.view, seen.credential)
        for answer in answers:
            if answer is not None and answer.status is not None and answer.member("access_token") is None:
                told.append(answer.words)
        told.append(json.dumps(seen.device_view or {}))
        if self.case.flow == "revocation":
            told += [line for line in self.drive.service.logs.splitlines() if self.drive.name in line]
        return "\n".join(told).replace(self.case.id, "")

    def revoked(self):
        """DELETE answers 204 when the provider took it, else with what is still owed; the log may say it later."""
        if self.seen.removal.status not in (200, 202, 204):
            return self.kind_of(self.seen.removal)
        owed, missed = self.seen.removal.member("revocation"), self.drive.revocations()[1]
        said = [code for step in self.case.steps for code in error_codes(self.case.body(step))]
        if any(holds(code, json.dumps(owed), *missed) for code in said):
            return "error"
        return "reject" if owed or missed else "ok"

    def device(self):
        seen = self.seen
        if seen.device.status != 201:
            return self.kind_of(seen.device)
        if seen.credential.status == 200:
            return "token"
        state = (seen.device_view or {}).get("status")
        if state in (None, "pending"):
            return "pending"
        return "error" if state == self.expect.get("error") or self.kind_of(seen.credential) == "error" else "reject"

    def outcome(self):
        case, wanted = self.case, self.expect.get("outcome")
        actual = self.actual()
        is_token = wanted == "token" or (wanted == "ok" and "access_token" in self.expect)
        if is_token and actual == "token":
            return self.token()
        if actual != wanted:
            other = self.refusal() if actual != "token" else self.seen.credential
            alternative = " (what others do)" if actual in (self.expect.get("alt") or []) else ""
            said = other.brief() if other else "no answer"
            return self.fail(f"{wanted} expected, {actual} came{alternative}: {said}")
        if wanted == "error":
            code = self.replay.render(self.expect.get("error") or "", case)
            if code and not holds(code, self.spoken()):
                self.fail(f"the error {code} does not reach the caller: {self.refusal().brief()}")
        if wanted in ("reject", "error") and case.flow not in ("introspection", "revocation"):
            if self.seen.credential is not None and self.seen.credential.status == 200:
                self.fail(f"a credential was handed out: {self.seen.credential.brief()}")

    def token(self):
        credential, wanted = self.seen.credential, self.expect.get("access_token")
        if isinstance(wanted, str):
            wanted = self.replay.render(wanted, self.case)
        token = credential.member("access_token")
        if wanted not in (None, token) and not is_later(self.case, token, wanted):
            self.fail(f"another access token: {token!r}, not {wanted!r}")
        if "refresh_token" in (credential.json or {}):
            self.fail("the credential carries a refresh token")
        bearer = (credential.member("headers") or {}).get("Authorization", "")
        if self.expect.get("bearer") is False and bearer.lower().startswith("bearer"):
            self.fail("a token that is no bearer token is handed out as one")

    # The listed fields

    def fields(self):
        expect = self.expect
        source = self.seen.device if self.case.endpoint == "device_authorization" else self.seen.credential
        if self.case.flow == "introspection":
            source = self.seen.introspection
        for name in ("expires_in", "expires_in_about"):
            if isinstance(expect.get(name), (int, float)) and source is not None and source.status in (200, 201):
                slack, lives = SLACK + (8 if name.endswith("about") else 0), source.member("expires_in")
                late = max(0.0, self.seen.read_at - self.seen.started_at)
                if not isinstance(lives, (int, float)) or not -slack - late <= lives - expect[name] <= slack:
                    self.fail(f"expires_in is {lives}, not {expect[name]}")
        if expect.get("scope") is not None and source is not None and source.status == 200:
            shown = source.member("scope")
            shown = shown.split() if isinstance(shown, str) else shown or []
            wanted = expect["scope"] if isinstance(expect["scope"], list) else expect["scope"].split()
            if set(shown) != set(wanted):
                self.fail(f"scope is {shown}, not {wanted}")
        for name in ("user_code", "verification_uri", "verification_uri_complete", "interval", "active", "token_type"):
            if expect.get(name) is None or source is None or source.status not in (200, 201):
                continue
            wanted = self.replay.render(expect[name], self.case) if isinstance(expect[name], str) else expect[name]
            shown = source.member(name)
            same = str(shown).lower() == str(wanted).lower() if name == "token_type" else shown == wanted
            if not same:
                self.fail(f"{name} is {shown!r}, not {wanted!r}")
        for name, value in (expect.get("raw_extra") or {}).items():
            if (self.seen.credential.member("attributes") or {}).get(name) != str(value):
                self.fail(f"the member {name} of the answer was not captured")
        self.words()
        self.paths()

    def words(self):
        """Fields that people read: on the page, in the problem, or in the log."""
        log = "\n".join(line for line in self.drive.service.logs.splitlines() if self.drive.name in line)
        for name in ("error_description", "suberror"):
            wanted = self.expect.get(name)
            if wanted and wanted not in self.spoken() and wanted not in log:
                self.fail(f"{name} is shown nowhere: {self.refusal().brief()}")
        if self.expect.get("error_class"):
            wanted, found = self.expect["error_class"], class_of(self.refusal())
            if wanted not in found:
                self.fail(f"error_class {wanted} is not shown: {self.refusal().brief()}")

    def paths(self):
        seen, expect = self.seen, self.expect
        if expect.get("requested_path"):
            wanted = self.replay.render(expect["requested_path"], self.case)
            asked = [hit["path"] for hit in seen.journal if hit["endpoint"] == "discovery"]
            if wanted not in asked:
                self.fail(f"{wanted} was not asked for, but {', '.join(asked) or 'nothing'}")
        authorized = [dict(hit["query"]) for hit in seen.journal if hit["endpoint"] == "authorize"]
        pushed = [hit for hit in seen.journal if hit["endpoint"] == "par"]
        if self.case.outcome == "ok" and (self.case.endpoint == "par" or expect.get("par_used")):
            if not pushed:
                self.fail("no request was pushed")
            elif not authorized or "request_uri" not in authorized[-1]:
                self.fail("the authorization request does not name the pushed one")
        if expect.get("par_used") is False and pushed:
            self.fail("a request was pushed")
        if self.case.endpoint == "discovery" and self.case.outcome == "ok":
            self.document()

    def document(self):
        """The endpoints of the document are used, to the letter."""
        try:
            body = next(self.case.body(step) for step in reversed(self.case.steps) if step.get("body"))
            document = json.loads(self.replay.render(body, self.case))
        except (StopIteration, ValueError, RecursionError):
            return
        authorize = document.get("authorization_endpoint")
        if authorize and not self.seen.start.location.startswith(authorize):
            self.fail(f"the browser was sent to {self.seen.start.location.split('?')[0]}, not {authorize}")
        token = urllib.parse.urlsplit(document.get("token_endpoint") or "")
        there = token.path, urllib.parse.parse_qsl(token.query)
        for hit in self.seen.journal:
            if hit["endpoint"] == "token" and (hit["path"], [tuple(pair) for pair in hit["query"]]) != there:
                self.fail(f"the token request went to {hit['path']}, not {token.path}?{token.query}")

    # The connection

    def connection(self):
        wanted, view = self.expect.get("connection"), self.seen.view
        if wanted is None:
            return
        status, reason, gone = view.member("status"), view.member("reason"), view.status == 404
        fresh = ("pending", "unavailable") if is_personless(self.case) else ("pending",)
        stands = status in ("active", "degraded", "unavailable")
        allowed = {
            "active": status in ("active", "degraded"),
            "pending": status == "pending",
            # As before: nothing yet, or what stood.
            "failed": status in fresh or (stands and self.case.flow == "refresh") or (gone and self.seen.removal),
            "unchanged": stands or (status == "pending" and view.member("version") == 0),
            "needs_reauth": status == "reauthorization_required",
            **dict.fromkeys(("revoked", "revoked_locally"), gone),
        }.get(wanted)
        if allowed is None:
            return self.fail(f"the driver knows no state {wanted}")
        if not allowed:
            shown = f"{status}" + (f" ({reason})" if reason else "") if not gone else "gone"
            self.fail(f"the connection is {shown}, not {wanted}")

    # The server's verdict

    def server(self):
        verdict, expect, seen = self.seen.verdict, self.expect, self.seen
        for check in verdict.get("failed_checks") or []:
            self.fail(f"request {check[1]}: {str(check[3])[:120]}")
        if not self.case.is_about("query-client-auth"):
            for _, endpoint, fault in verdict.get("hygiene") or []:
                self.fail(f"hygiene at {endpoint}: {fault}")
        hits = verdict.get("scripted_hits") or 0
        if expect.get("max_hits") is not None and hits > expect["max_hits"]:
            self.fail(f"{hits} requests to the scripted endpoint, {expect['max_hits']} at most")
        tokens = [hit for hit in seen.journal if hit["endpoint"] == "token"]
        if expect.get("max_token_hits") is not None and len(tokens) > expect["max_token_hits"]:
            self.fail(f"{len(tokens)} token requests, {expect['max_token_hits']} at most")
        gap, gaps = expect.get("min_gap_ms"), gaps_between(self.case, seen.journal)
        if gap and any(found < gap - GAP_SLACK for found in gaps):
            self.fail(f"the requests came {gaps} ms apart, {gap} at least")
        if gap and not gaps and len(self.case.steps) > 1:
            self.fail(f"no second request came to measure the {gap} ms by")
        if not hits and not self.case.may_stay_unasked:
            self.fail("the scripted endpoint was never asked")
        sink = len(verdict.get("sink_hits") or [])
        names_sink = "{{sink}}" in json.dumps(self.case.row) and self.case.outcome in ("ok", "token")
        if sink > (expect.get("sink_hits") or 0) and not (names_sink and expect.get("sink_hits") is None):
            self.fail(f"{sink} requests left the origin")
        if seen.hits_after_end:
            self.fail(f"{seen.hits_after_end} polls after the end")
        keys = {json.dumps(key, sort_keys=True) for key in map(proof_key, seen.journal) if key}
        if len(keys) > 1:
            self.fail(f"{len(keys)} DPoP keys for one connection")

    # Every answer

    def answers(self):
        secrets = self.case.secrets() + sent_secrets(self.seen.journal)
        for label, answer in self.seen.trail:
            if label == "authorize" or answer.status is None:
                if label != "authorize":
                    self.fail(f"{label}: the service gave no answer ({answer.failure})")
                continue
            if answer.status >= 500 and not is_promised(answer):
                self.fail(f"{label}: the service answered {answer.brief()}")
            if label in ("page", "start", "callback") and answer.seconds > self.drive.service.deadline + 3:
                self.fail(f"{label}: it took {answer.seconds:.0f} s, a call may {self.drive.service.deadline} s")
            if label in ("credential", "refresh", "together", "other", "Location") and answer.status == 200:
                continue  # the credential itself
            for name, secret in secrets:
                if secret in answer.text:
                    self.fail(f"leak: {name} stands in the answer to {label} ({answer.status})")
        logs = self.drive.service.logs
        for name in sorted({name for name, secret in secrets if secret in logs}):
            self.fail(f"leak: {name} stands in the log")
