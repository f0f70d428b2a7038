"""What some cases want of the driver besides the plain flow: the README of the cases names them by their IDs."""

import hashlib
import json
import sqlite3
import threading
import time
import urllib.parse

from web import begin, exchange

CROWD = 10  # callers at once
LOCKED = 7  # seconds that the store stays locked: longer than the five that a write waits


def together(jobs):
    """Runs them at the same moment; their results in order."""
    results, gate = [None] * len(jobs), threading.Barrier(len(jobs))

    def one(index):
        gate.wait()
        results[index] = jobs[index]()

    threads = [threading.Thread(target=one, args=(index,)) for index in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


# The way back to the service


def answer_callback(drive, way):
    case, seen = drive.case, drive.seen
    if case.is_about("head-prefetch") or case.asks("send_head_first"):
        drive.come_back(way, method="HEAD")
        return drive.come_back(way)
    if case.is_about("other-session") or case.asks("without_initiator_cookie"):
        return drive.come_back(way, cookies=False)
    if case.is_about("expired-state"):
        let_consent_expire(drive.service)
        return drive.come_back(way)
    if case.is_about("parallel-callbacks"):
        answers = together([lambda: drive.come_back(way)] * CROWD)
        good = [answer for answer in answers if answer.status == 200]
        if len(good) > 1:
            seen.faults.append(f"{len(good)} of {CROWD} callbacks at once were taken")
        return good[0] if good else answers[0]
    if case.is_about("state-of-other-provider"):
        return at_another_client(drive, way)
    answer = drive.come_back(way)
    if case.is_about("replayed-callback") or case.asks("second_callback"):
        again = drive.come_back(way)
        if again.status is None or not 400 <= again.status < 500:
            seen.faults.append(f"the same callback a second time: {again.brief()}")
    return answer


def at_another_client(drive, way):
    """The answer to one client's request is brought to another's address, where a consent is under way too."""
    other, first = f"{drive.case.name}-other", drive.seen.start
    if not drive.register(other):
        return None
    created = drive.create(f"{drive.name}-other", other)
    drive.begin_consent((created.member("consent") or {}).get("url"))
    drive.seen.start = first
    address = urllib.parse.urlsplit(way[0])
    return drive.come_back((address._replace(path=f"/callback/{other}").geturl(), None))


def let_consent_expire(service):
    """The store's own clock column is turned back: nobody waits ten minutes for a case."""
    with sqlite3.connect(service.database, timeout=10) as database:
        for table in ("pending_authorization",):
            for key, moment in database.execute(f"SELECT rowid, expires_at FROM {table}").fetchall():
                second = 10 ** max(0, len(str(moment)) - 10)  # seconds, milliseconds or finer
                database.execute(f"UPDATE {table} SET expires_at = ? WHERE rowid = ?", (moment - 3600 * second, key))
    database.close()


# Refresh


def refresh(drive):
    """True when the case was driven in its own way."""
    case = drive.case
    if case.is_about("caller-cancelled") or case.asks("cancel_first_caller"):
        return caller_hangs_up(drive)
    if case.is_about("deleted-mid-refresh") or case.asks("delete_during"):
        return delete_meanwhile(drive)
    if case.is_about("concurrent-single-flight"):
        return many_at_once(drive)
    if case.is_about("store-fails-after-rotation"):
        return store_fails(drive)
    if case.is_about("rotation-chain"):
        return rotation_chain(drive)
    return False


def caller_hangs_up(drive):
    """The one who caused the refresh is gone before the provider answers; what it answers must be kept."""
    service, case = drive.service, drive.case
    url = f"{service.site}{drive.path}/credential/refresh"
    connection = begin("POST", url, service.runtime_headers(), b"{}")
    drive.replay.await_hits(case, 1, 4)
    connection.sock.close()
    connection.close()
    time.sleep(case.steps[0].get("delay_ms", 0) / 1000 + 0.3)
    drive.until_token(5)
    return True


def delete_meanwhile(drive):
    case, seen = drive.case, drive.seen
    connection = begin("POST", f"{drive.service.site}{drive.path}/credential/refresh",
                       drive.service.runtime_headers(), b"{}")  # fmt: skip
    if not drive.replay.await_hits(case, 1, 4):
        seen.setup = "no refresh was under way"
    seen.removal = seen.note("delete", drive.service.admin("DELETE", drive.path))
    time.sleep(case.steps[0].get("delay_ms", 0) / 1000 + 0.6)
    connection.close()
    drive.ask()
    return True


def many_at_once(drive):
    """Half of them read with the wish for more life than is left, half report the token."""
    service, seen, path = drive.service, drive.seen, drive.path
    token = drive.ask().member("access_token") or ""
    report = {"rejected_sha256": hashlib.sha256(token.encode()).hexdigest()}
    time.sleep(max(0.0, seen.connected_at + 0.3 - time.monotonic()))
    jobs = [
        lambda: service.runtime("GET", f"{path}/credential?min_ttl=1"),
        lambda: service.runtime("POST", f"{path}/credential/refresh", report),
    ] * (CROWD // 2)
    answers = [seen.note("together", answer) for answer in together(jobs)]
    tokens = {answer.member("access_token") for answer in answers}
    if len(tokens) != 1 or tokens == {None}:
        briefs = sorted({answer.brief() for answer in answers})
        seen.faults.append(f"{CROWD} callers at once got different answers: {', '.join(briefs)}")
    time.sleep(max(0.0, seen.connected_at + 1.1 - time.monotonic()))
    drive.until_token(4)
    return True


def store_fails(drive):
    """From the moment the provider is asked, nobody can write: the file is locked from outside."""
    case, seen = drive.case, drive.seen
    connection = begin("POST", f"{drive.service.site}{drive.path}/credential/refresh",
                       drive.service.runtime_headers(), b"{}")  # fmt: skip
    if not drive.replay.await_hits(case, 1, 4):
        seen.setup = "no refresh was under way"
        return True
    database = sqlite3.connect(drive.service.database, timeout=10, isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    time.sleep(LOCKED)
    if case.outcome not in ("token", "ok"):
        drive.ask()
    database.execute("ROLLBACK")
    database.close()
    connection.close()
    if case.outcome in ("token", "ok"):
        limit = time.monotonic() + 15
        while time.monotonic() < limit and drive.ask().status == 503:
            time.sleep(0.2)
    return True


def rotation_chain(drive):
    """Refresh after refresh, with the service started anew between: each sends what the one before brought."""
    case, seen = drive.case, drive.seen
    wanted = case.expect.get("access_token")
    for number in range(1, len(case.steps) + 1):
        if number == 1:
            time.sleep(max(0.0, seen.connected_at + 1.1 - time.monotonic()))
        drive.replay.await_hits(case, number, 4)
        answer = drive.ask()
        if answer.member("access_token") == wanted or number == len(case.steps):
            break
        drive.service.restart()
        time.sleep(min(5, answer.member("expires_in") or 0) + 0.2)
    hits = drive.replay.scripted(case)
    for number, (before, after) in enumerate(zip(case.steps, hits[1:])):
        try:
            brought = json.loads(case.body(before)).get("refresh_token")
        except (ValueError, AttributeError):
            brought = None
        sent = dict(after["form"]).get("refresh_token")
        if brought and sent != brought:
            seen.faults.append(f"refresh {number + 2} did not send the refresh token that the one before brought")
    return True


def probe_refresh_token(drive):
    """Which refresh token is stored shows at one more refresh, made after the verdict was taken."""
    case, seen, wanted = drive.case, drive.seen, drive.case.expect.get("refresh_token")
    if wanted not in ("stored", "rotated", "kept", "none") or seen.setup:
        return
    before = len(refreshes(drive))
    answer = drive.service.admin("POST", f"{drive.path}/credential/refresh", {})
    sent = [dict(hit["form"]).get("refresh_token") for hit in refreshes(drive)[before:]]
    brought = None
    for step in case.steps:
        try:
            brought = json.loads(drive.replay.render(case.body(step), case)).get("refresh_token") or brought
        except (ValueError, AttributeError):
            continue
    if wanted == "none":
        if sent:
            seen.faults.append("a refresh token was stored")
    elif not sent:
        seen.faults.append(f"no refresh token is stored: a forced refresh got {answer.brief()}")
    elif wanted == "kept" and sent[0] != f"rt-{case.id}-1":
        seen.faults.append("the first refresh token was not kept")
    elif wanted != "kept" and sent[0] != brought:
        seen.faults.append("the refresh token of the answer is not the one that is stored")


def refreshes(drive):
    return [hit for hit in drive.replay.journal(drive.case) if hit["grant"] == "refresh_token"]


# The protected resource


def use_token(drive, link):
    """A runtime calls the resource with what the service gives it, once more when it is told a nonce."""
    case, seen = drive.case, drive.seen
    if not drive.consent(link):
        seen.setup = f"the connection was not made: {(seen.callback or seen.start).brief()}"
        return
    drive.ask()
    url, wish = f"{drive.replay.issuer(case)}/resource", {"method": "GET"}
    for _ in range(2):
        headers = seen.credential.member("headers")
        if case.profile.get("dpop"):
            proof = drive.service.runtime("POST", f"{drive.path}/credential/proof", {"url": url, **wish})
            headers = proof.member("headers")
            if headers is None:
                seen.setup = f"the service gives no proof: {proof.brief()}"
                return
        answer = exchange("GET", url, headers)
        nonce = answer.header("DPoP-Nonce")
        if answer.status != 401 or not nonce:
            return
        wish["nonce"] = nonce


# Client credentials


def two_clients(drive):
    """Two registrations at one server: neither is given the other's token."""
    other, seen = f"{drive.case.name}-other", drive.seen
    drive.ask()
    first = seen.credential
    if not drive.register(other):
        return
    drive.create(f"{drive.name}-other", other)
    second = seen.note("other", drive.service.runtime("GET", f"/v1/connections/{drive.name}-other/credential"))
    tokens = [first.member("access_token"), second.member("access_token")]
    if len(drive.replay.scripted(drive.case)) < 2:
        seen.faults.append("the second client did not ask for a token of its own")
    if None in tokens or (tokens[0] == tokens[1] and len(drive.case.steps) > 1):
        seen.faults.append(f"two clients got {first.brief()} and {second.brief()}, not each its own token")
    if tokens[0] != drive.case.expect.get("access_token"):
        seen.credential = second
