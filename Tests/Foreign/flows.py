"""Drives one case through the service, as an app, a runtime and the owner's browser would, and notes what was seen."""

import time

import actions
from cases import CODE, GRANTS
from profiles import client, connection
from web import Browser, origin

REDIRECTS = (301, 302, 303, 307, 308)
SHORT = 5  # seconds: a lifetime that is waited for


class Seen:
    """Every answer by its step, in order, and what the driver found wrong on the way."""

    def __init__(self):
        self.trail, self.faults, self.verdict, self.journal = [], [], {}, []
        self.setup = None  # why the step under test was never reached
        self.start = self.authorize = self.callback = self.credential = self.view = None
        self.device = self.device_view = self.removal = self.introspection = None
        self.started_at = self.connected_at = self.read_at = 0.0
        self.hits_after_end = 0

    def note(self, label, answer):
        self.trail.append((label, answer))
        return answer


class Drive:
    def __init__(self, case, service, replay, keys, shared, name):
        self.case, self.service, self.replay, self.keys, self.shared = case, service, replay, keys, shared
        self.name, self.path = name, f"/v1/connections/{name}"
        self.seen = Seen()
        self.browser = Browser(service.site)

    # Steps that flows are made of

    def register(self, client_id=None):
        wish = client(self.case, self.keys, self.shared, client_id)
        answer = self.seen.note("client", self.service.admin("POST", "/v1/clients", wish))
        if answer.status != 201 and self.seen.setup is None:
            self.seen.setup = f"the service refuses the client: {answer.brief()}"
        return answer.status == 201

    def create(self, name=None, client_id=None):
        wish = connection(self.case, name or self.name, client_id)
        answer = self.seen.note("connection", self.service.admin("POST", "/v1/connections", wish))
        if answer.status != 201 and self.seen.setup is None:
            self.seen.setup = f"the service refuses the connection: {answer.brief()}"
        return answer

    def begin_consent(self, link=None):
        """From the link to the provider: True when the browser was sent there."""
        seen = self.seen
        if link is None:
            link = seen.note("consent", self.service.admin("POST", f"{self.path}/consent", {})).member("url")
        if not link:
            seen.setup = seen.setup or "the service gives no consent link"
            return False
        page = seen.start = seen.note("page", self.browser.get(link))
        if page.status == 200:
            answer, _ = self.browser.submit(page, link)
            if answer is None:
                seen.setup = "the consent page has no form"
                return False
            seen.start = seen.note("start", answer)
        return seen.start.status in REDIRECTS and bool(seen.start.location)

    def to_provider(self):
        """The hop to the authorization server, which answers at once: (address, form or None) to come back by."""
        target = self.seen.start.location
        if origin(target) != self.replay.base:
            return None
        answer = self.seen.authorize = self.seen.note("authorize", self.browser.get(target))
        if answer.status in REDIRECTS:
            return answer.location, None
        page = answer if "<form" in answer.text else None
        return (target, page) if page else None

    def come_back(self, way, cookies=True, method="GET"):
        """The browser's way back to the service, without the fragment."""
        address, page = way
        if page is not None:
            answer, _ = self.browser.submit(page, address)
        else:
            answer = self.browser.get(address, method, cookies)
        return self.seen.note("callback" if method == "GET" else method, answer)

    def consent(self, link=None, between=None):
        """The whole of it; `between` runs while the owner is at the provider. True when connected."""
        if not self.begin_consent(link):
            return False
        way = self.to_provider()
        if way is None:
            return False
        if between:
            between()
        self.seen.callback = actions.answer_callback(self, way)
        self.seen.connected_at = time.monotonic()
        return self.seen.callback is not None and self.seen.callback.status == 200

    def ask(self, query=""):
        answer = self.service.runtime("GET", f"{self.path}/credential{query}")
        self.seen.credential, self.seen.read_at = self.seen.note("credential", answer), time.monotonic()
        return answer

    def force(self):
        """The credential that comes after asking for another one."""
        answer = self.seen.note("refresh", self.service.admin("POST", f"{self.path}/credential/refresh", {}))
        self.seen.credential = answer
        return answer

    def look(self):
        self.seen.view = self.seen.note("view", self.service.admin("GET", self.path))
        return self.seen.view

    def until_token(self, seconds=10.0, stale=(None, 0.0)):
        """Reads until the awaited token is there: a provider that fails first is asked again after a pause.

        `stale`: the token that was there before, and how long it may be handed out."""
        wanted = self.replay.render(self.case.expect.get("access_token") or "", self.case)
        limit = time.monotonic() + seconds
        while True:
            answer = self.ask()
            token = answer.member("access_token")
            if (answer.status == 200 and token == wanted) or time.monotonic() > limit:
                return answer
            if answer.status == 200 and token == stale[0] and time.monotonic() < stale[1]:
                time.sleep(0.02)  # still the old one, which still lives
                continue
            if answer.status == 200:
                lives = answer.member("expires_in")
                if len(self.case.steps) < 2 or lives is None or lives > SHORT:
                    return answer
                time.sleep(lives + 0.1)
            # Without a reason, somebody's refresh is under way at this moment.
            elif answer.status != 503 or (len(self.case.steps) < 2 and answer.member("reason")):
                return answer
            time.sleep(0.1)

    # Flows

    def run(self):
        """Brings the case to its end: what was seen, the state of the connection, and the server's verdict."""
        case, seen = self.case, self.seen
        self.replay.reset(case)
        seen.started_at = time.monotonic()
        if not self.register():
            return seen
        created = self.create()
        if created.status != 201:
            return seen
        link = (created.member("consent") or {}).get("url")
        flow = {
            "client_credentials": self.personless, "jwt_bearer": self.personless, "token_exchange": self.personless,
            "device": self.by_device, "discovery": self.discovery, "refresh": self.refresh,
            "introspection": self.introspect, "revocation": self.revoke, "resource": self.code, CODE: self.code,
        }.get(case.flow)  # fmt: skip
        if flow is None:
            seen.setup = f"the driver knows no flow {case.flow}"
            return seen
        flow(link)
        if seen.view is None:
            self.look()
        seen.verdict, seen.journal = self.replay.verdict(case), self.replay.journal(case)
        actions.probe_refresh_token(self)
        return seen

    def code(self, link):
        case, service = self.case, self.service
        if case.flow == "resource" and case.endpoint == "resource":
            return actions.use_token(self, link)
        restart = service.restart if case.restarts and case.flow == CODE else None
        self.consent(link, restart)
        self.ask()
        if case.context.get("two_reads"):
            self.force()
            self.ask()

    def discovery(self, link):
        connected = self.consent(link)
        if not connected and self.case.expect.get("after") == "retry":
            self.seen.callback = self.seen.authorize = None
            connected = self.consent(None)
        self.ask()

    def personless(self, _):
        if self.case.is_about("cache-key-includes-client"):
            return actions.two_clients(self)
        if self.case.outcome in ("token", "ok"):
            self.until_token()
        else:
            self.ask()
        if self.case.context.get("two_reads"):
            self.force()
            self.ask()

    def refresh(self, link):
        case, seen = self.case, self.seen
        if not self.consent(link):
            seen.setup = f"the connection was not made: {(seen.callback or seen.start).brief()}"
            return
        if actions.refresh(self):
            return
        setup = case.context.get("setup_token") or {}
        lives, forced, stale = setup.get("expires_in", 3600), False, (None, 0.0)
        if isinstance(lives, (int, float)) and lives <= SHORT:
            end = seen.connected_at + lives + 0.1
            if case.outcome == "token" and not case.may_stay_unasked:
                # The answer may live for a second as well: it is read as soon as it is there.
                stale = self.ask().member("access_token"), end
                end = seen.connected_at + lives / 2
            time.sleep(max(0.0, end - time.monotonic()))
        elif lives is not None and not case.may_stay_unasked:
            forced = self.force()
        if forced and case.outcome not in ("token", "ok"):
            pass  # what is left of the old token may still be read; the refusal stands in the answer to the wish
        elif case.outcome in ("token", "ok"):
            self.until_token(10, stale)
        else:
            self.ask()
        if case.context.get("two_reads"):
            self.ask()
        gap = case.expect.get("min_gap_ms")
        if gap:
            self.look()
            self.replay.await_hits(case, 2, gap / 1000 + 6)

    def introspect(self, link):
        if not self.consent(link):
            self.seen.setup = f"the connection was not made: {(self.seen.callback or self.seen.start).brief()}"
            return
        self.seen.introspection = self.seen.note(
            "introspect", self.service.admin("POST", f"{self.path}/introspect", {})
        )
        self.ask()

    def revoke(self, link):
        case, seen = self.case, self.seen
        if not self.consent(link):
            seen.setup = f"the connection was not made: {(seen.callback or seen.start).brief()}"
            return
        seen.removal = seen.note("delete", self.service.admin("DELETE", self.path))
        seen.started_at = time.monotonic()
        self.replay.await_hits(case, 1, 6)
        limit = time.monotonic() + 8
        while seen.removal.member("revocation") is None and time.monotonic() < limit and not any(self.revocations()):
            time.sleep(0.1)
        self.ask()

    def revocations(self):
        """What the service logs, (took, missed): DELETE was answered long before. `info` is a revocation that took."""
        about = [line for line in self.service.logs.splitlines() if f"connection={self.name} " in line]
        about = [line for line in about if "revoke" in line.replace(self.name, "") or "stay valid" in line]
        missed = [line for line in about if " info " not in line]
        return [line for line in about if line not in missed], missed

    # The device grant

    def by_device(self, _):
        case, seen = self.case, self.seen
        seen.device = seen.note("device", self.service.admin("POST", f"{self.path}/device", {}))
        if seen.device.status != 201 or case.endpoint == "device_authorization":
            self.ask()
            return
        if case.restarts:
            self.replay.await_hits(case, 1, 15)
            self.service.restart()
        limit = time.monotonic() + (75 if "slow" in case.tail else 30)
        wanted = 2 if case.outcome == "pending" else None
        while time.monotonic() < limit:
            status = self.device_state()
            if status != "pending" or (wanted and len(self.replay.scripted(case)) >= wanted):
                break
            time.sleep(0.15)
        time.sleep(0.4)  # a poll that was under way arrives
        hits = len(self.replay.scripted(case))
        self.ask()
        self.look()
        if seen.view.member("status") != "active" and case.outcome != "pending":
            time.sleep(1.4 * max(1, seen.device.member("interval") or 1))
            seen.hits_after_end = len(self.replay.scripted(case)) - hits

    def device_state(self):
        """`pending` while it polls, `active` once connected, else the word it ended with."""
        view = self.look()
        self.seen.device_view = view.member("device") or self.seen.device_view
        if view.member("status") == "active":
            return "active"
        return (view.member("device") or {}).get("status", "gone")


def is_personless(case):
    return GRANTS.get(case.flow, CODE) != CODE
