"""The rounds that an owner takes part in: a code entered at the peer, and an account that the peer vouches for."""

from parties import check
from processes import Watched
from witness import fingerprint

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"


def enter_code(trip, where, code, answer):
    """What the owner does on another device: opens the page, signs in, enters the code, answers."""
    parties, verify = trip.parties, ("", "")
    page = trip.browser.open(where)
    for _ in range(4):
        form = page.form_with("user_code")
        if form and not page.form_with_button(answer):
            page = trip.browser.submit(page, form, {"user_code": code}, button=verify)
        elif page.form_with("password") or page.form_with_button(answer):
            asked = not page.form_with("password")
            page = parties.answer_page(trip.browser, page, answer, {"user_code": code})
            if asked:
                check(page.status == 200, f"expected the peer to take the answer, it said {page.status}")
                return
        else:
            break
    check(False, f"stuck at {page.url.split('?')[0]}: {page.status} {page.text[:300]}")


def connect_device(trip, number):
    """`connections connect --device`, and where it sends the owner with which code."""
    log = f"{trip.parties.folder}/{trip.id}-{number}.log"
    verb = Watched(trip.parties.command.command("connections", "connect", trip.id, "--device"), log)
    trip.parties.watched.append(verb)
    return verb, verb.line("open:"), verb.line("enter:")


def device(trip):
    """RFC 8628: refused once, then approved, while the service polls."""
    trip.register()
    peer = trip.parties.peer
    check(trip.add()["status"] == "pending", "expected a device connection to be pending at first")
    verb, where, code = connect_device(trip, 1)
    enter_code(trip, where, code, peer.deny_device)
    check(verb.wait() != 0 and "access_denied" in verb.output(), f"expected access_denied, got:\n{verb.output()}")
    verb, where, code = connect_device(trip, 2)
    enter_code(trip, where, code, peer.allow_device)
    ended = verb.wait()
    check(ended == 0 and "connected" in verb.output(), f"expected exit 0 and `connected`, got:\n{verb.output()}")
    first, source = trip.take()
    check(source["grant"] == DEVICE_CODE, f"expected a token by the device grant, got {source}")
    polls = [seen["error"] for seen in trip.seen() if seen["grant"] == DEVICE_CODE and seen["status"] != 200]
    check("access_denied" in polls, f"expected the peer to have said access_denied, it said {polls}")
    check(set(polls) <= {"authorization_pending", "access_denied"}, f"unexpected at the peer: {polls}")
    second, again = trip.take_anew(first)
    check(again["grant"] == "refresh_token", f"expected a refresh, the peer saw {again}")
    trip.remove()
    return (
        f"first refused: access_denied; then {len(polls)} polls without a token and one answered 200 with"
        f" {source['access']} ({source['client_authentication']}), taken by the resource; refreshed: {again['access']}"
    )


def consent(trip):
    """A link, the owner's yes at the peer, and the connection as it is then."""
    link = trip.parties.as_app("POST", f"/v1/connections/{trip.id}/consent", {}).expect(201, "POST consent")
    page = trip.parties.walk(link.json["url"], trip.parties.peer.allow, trip.browser)
    check(page.status == 200, f"expected the page after consent, got {page.status} {page.text[:500]}")
    shown = trip.shown()
    check(shown["status"] == "active", f"expected active after consent, got {shown}")
    return shown


def openid(trip):
    """OpenID Connect Core §3.1: the ID token of the peer's library, by the key it publishes, names the account."""
    trip.register()
    trip.add()
    shown, wanted = consent(trip), trip.parties.peer.account
    check(shown.get("account") == wanted, f"expected the account {wanted}, got {shown.get('account')}")
    first, source = trip.take()
    check(source["id_token"] == "RS256" and source["pkce"], f"expected an ID token by RS256 and PKCE, got {source}")
    second, again = trip.take_anew(first)
    check(again["presented"] == source["refresh"], f"expected a refresh with {source['refresh']}, got {again}")
    check(trip.shown().get("account") == wanted, "expected the account to stay after the refresh")
    revoked = {seen["token"] for seen in trip.remove()}
    check(revoked & {again["refresh"], fingerprint(second["access_token"])}, f"the peer saw revoked {revoked}")
    return (
        f"{trip.parties.peer.token_endpoint} answered 200 with {source['access']} and an ID token"
        f" ({source['id_token']}, PKCE by S256 alone), account {wanted}; refreshed: {again['access']}"
    )


def found_by_resource(trip):
    """RFC 9728, 8414, 7591 and 8707: from the URL of the peer's resource to a client there, and a token for it."""
    resource, issuer = f"{trip.parties.base}/resource", trip.client["fields"]["issuer"]
    check(issuer == trip.parties.peer.fields(trip.parties.base)["issuer"], f"the resource led to {issuer}")
    consent(trip)
    first, source = trip.take()
    check(source["resource"] == resource, f"expected resource={resource} in the token request, got {source}")
    _, again = trip.take_anew(first)
    trip.remove()
    return (
        f"/resource led to {issuer}, which registered {trip.registration.client_id[:8]}…; {source['access']} came"
        f" ({source['client_authentication']}, PKCE, resource), taken by the resource; refreshed: {again['access']}"
    )
