"""Two requests side by side: every difference between the one of a vendor's library and the one of Credence."""

import base64
import dataclasses
import hashlib

import jwt

from vendors_meant import ABSENT

# Made anew for each request: there on both sides or on neither, and what they are is looked at by itself.
RANDOM = {"state", "nonce", "code_challenge", "code_verifier"}
# Where only their being equal may be shown.
SECRETS = {"client_secret", "refresh_token", "assertion", "client_assertion", "device_code", "Authorization"}


@dataclasses.dataclass(frozen=True)
class Difference:
    name: str
    theirs: object
    ours: object

    def __str__(self):
        if self.name in SECRETS and ABSENT not in (self.theirs, self.ours):
            return f"{self.name} has another value than theirs"
        shown = ["something" if self.name in SECRETS and one != ABSENT else one for one in (self.ours, self.theirs)]
        return f"{self.name}: Credence sends {shown[0]}, the library {shown[1]}"


class Pair:
    """The request of the library, and that of Credence whose recorder's address is put back into the provider's."""

    def __init__(self, theirs, ours, our_base, certificate):
        self.theirs, self.ours, self.our_base, self.certificate = theirs, ours, our_base, certificate

    def differences(self):
        for name in ("method", "url", "content_type", "credentials"):
            yield from self.unlike(name.replace("_", " "), getattr(self.theirs, name), getattr(self.ours, name))
        bearers = [request.bearer_assertion for request in (self.theirs, self.ours)]
        if None in bearers:  # assertions are compared below
            yield from self.unlike("Authorization", self.theirs.authorization, self.ours.authorization)
        yield from self.unlike_members(self.theirs.query, self.ours.query)
        yield from self.unlike_members(self.theirs.parameters, self.ours.parameters)
        yield from self.unlike_assertions()

    def unlike(self, name, theirs, ours):
        theirs, ours = (ABSENT if one in ("", None) else one for one in (theirs, ours))
        if theirs != ours:
            yield Difference(name, theirs, ours)

    def unlike_members(self, theirs, ours):
        for name in sorted({*theirs, *ours}):
            left, right = theirs.get(name, ABSENT), ours.get(name, ABSENT)
            if name == "scope":  # a set (RFC 6749 §3.3)
                left, right = (" ".join(sorted(one.split(" "))) for one in (left, right))
            if ABSENT in (left, right) or not (name in RANDOM or (is_jwt(left) and is_jwt(right))):
                yield from self.unlike(name, left, right)

    def unlike_assertions(self):
        left, right = self.theirs.assertion, self.ours.assertion
        if left is None and right is None:
            return
        if left is None or right is None:
            yield Difference("an assertion", *("nothing" if one is None else "one" for one in (left, right)))
            return
        (their_head, their_claims), (head, claims) = (self.opened(token) for token in (left, right))
        # Base64url has no padding (RFC 7515 §2), though MSAL writes it.
        for thumbprint in ("x5t", "x5t#S256"):
            if thumbprint in their_head:
                their_head[thumbprint] = their_head[thumbprint].rstrip("=")
        yield from self.unlike_claims(their_head, head)
        claims = {name: self.put_back(value) for name, value in claims.items()}
        yield from self.unlike_claims(their_claims, claims, {"iat", "exp", "jti"})

    def unlike_claims(self, theirs, ours, vary=frozenset()):
        for name in sorted({*theirs, *ours}):
            left, right = theirs.get(name, ABSENT), ours.get(name, ABSENT)
            if name not in vary or ABSENT in (left, right):
                yield from self.unlike(f"assertion {name}", left, right)

    def put_back(self, value):
        return value.replace(f"{self.our_base}/", "https://") if isinstance(value, str) else value

    def opened(self, token):
        """Header and claims of an assertion that the certificate's key signed."""
        head = jwt.get_unverified_header(token)
        without = {"verify_aud": False, "verify_iat": False, "verify_exp": False, "verify_sub": False}
        return head, jwt.decode(token, self.certificate, algorithms=["PS256", "RS256"], options=without)

    def faults(self):
        """What is wrong with Credence's request by itself."""
        yield from (f"{name} is sent twice" for name in self.ours.repeated)
        if None not in (self.ours.assertion, self.theirs.assertion):
            yield from self.lifetime_faults()
        for name in RANDOM & {*self.ours.query, *self.ours.parameters}:
            value = {**self.ours.query, **self.ours.parameters}[name]
            if len(value) < 43:  # 256 bits in base64url (RFC 7636 §4.1)
                yield f"{name} has {len(value)} characters"
            if value == {**self.theirs.query, **self.theirs.parameters}.get(name):
                yield f"{name} is not random"

    def lifetime_faults(self):
        theirs, ours = self.opened(self.theirs.assertion)[1], self.opened(self.ours.assertion)[1]
        if type(ours["exp"]) is not int or type(ours["iat"]) is not int:
            yield "the assertion's iat and exp are no whole numbers"
            return
        if not ours["iat"] <= self.ours.at:
            yield "the assertion's iat lies ahead"
        left, most = ours["exp"] - self.ours.at, float(theirs["exp"]) - self.theirs.at
        if not 30 <= left <= most + 5:
            yield f"the assertion lives {left:.0f} s more, the library's {most:.0f} s"
        if not ours["exp"] - ours["iat"] <= 600:
            yield f"the assertion's exp lies {ours['exp'] - ours['iat']} s after its iat"
        if not ours.get("jti"):
            yield "the assertion has no jti"


def is_jwt(value):
    return isinstance(value, str) and value.startswith("eyJ") and value.count(".") == 2


def challenge(verifier):
    """RFC 7636 §4.2, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
