"""The rounds that need nobody: client credentials, JWT bearer, revocation at removal, and introspection."""

from parties import LIFETIME, OWNER, check
from witness import fingerprint

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def client_credentials(trip):
    """RFC 6749 §4.4, the client authenticated as it is registered."""
    trip.register()
    trip.add_active()
    first, source = trip.take(owner=None)
    _, again = trip.take_anew(first, owner=None)
    grants = {seen["grant"] for seen in trip.seen()}
    check(grants == {"client_credentials"}, f"expected client_credentials alone at the peer, it saw {grants}")
    check(not any(seen["refresh"] for seen in trip.seen()), "expected no refresh token (RFC 6749 §4.4.3)")
    trip.remove()
    return (
        f"active at once, {trip.parties.peer.token_endpoint} answered 200 ({source['client_authentication']}) with"
        f" {source['access']}, handed out and taken by the resource; ended, issued anew: {again['access']}"
    )


def jwt_bearer(trip):
    """RFC 7523 §2.1: the assertion is the grant, and the token is the subject's."""
    trip.register()
    trip.add_active("--field", f"subject={OWNER}")
    first, source = trip.take()
    key = trip.registration.key
    check(source["grant"] == JWT_BEARER and source["assertion"] == key, f"expected {key} as the grant, got {source}")
    _, again = trip.take_anew(first)
    stranger = trip.add("--field", "subject=mallory", id=f"{trip.id}-mallory")
    got = (stranger["status"], stranger.get("reason"))
    check(got == ("unavailable", "invalid_grant"), f"expected unavailable invalid_grant for mallory, got {got}")
    trip.remove()
    return (
        f"active at once, /token answered 200 to an {key} assertion (client: {source['client_authentication']}) with"
        f" {source['access']}, {OWNER}'s at the resource; ended, issued anew: {again['access']};"
        f" another subject: {' '.join(got)}"
    )


def revocation(trip):
    """RFC 7009 at the removal, judged by the peer's introspection."""
    trip.register()
    trip.add_active()
    credential, source = trip.take(owner=None)
    token = credential["access_token"]
    check(trip.parties.active(token) is True, "expected active=true at the peer before the removal")
    (seen,) = trip.remove()
    trip.check_authentication(seen)
    check(seen["token"] == fingerprint(token), f"expected the revocation of {fingerprint(token)}, got {seen}")
    check(trip.parties.active(token) is False, "expected active=false at the peer after the removal")
    return f"{source['access']} from {trip.parties.peer.token_endpoint} was active at the peer, removed: active=false"


def unknown_lifetime(trip):
    """RFC 7662, asked where the token response says nothing; then `connections introspect`."""
    trip.register()
    trip.add_active()
    check(all(seen["lifetime"] is None for seen in trip.issued()), f"the peer said a lifetime: {trip.issued()}")
    first, source = trip.take(owner=None)
    asked = [seen for seen in trip.seen("introspections") if seen["token"] == source["access"]]
    check(asked, f"expected an introspection of {source['access']} at the peer, it saw {trip.seen('introspections')}")
    trip.check_authentication(asked[0])
    left = first["expires_in"]
    _, again = trip.take_anew(first, owner=None)
    said = trip.parties.command.run("connections", "introspect", trip.id)
    check(said.get("active") is True, f"expected active=true of a live token, got {said}")
    check(said.get("client_id") == trip.registration.client_id, f"expected the peer's client_id, got {said}")
    trip.remove()
    return (
        f"{source['access']} came without expires_in, the peer's introspection said {left} s (of {LIFETIME});"
        f" ended, issued anew: {again['access']}; `connections introspect` says active"
    )
