"""Where a vendor's library and Credence differ on purpose, one row a difference, with the reason.

A row fits one parameter of the exchanges it names, and only with the values it names; one that fits nothing any more is
a failure too, so that the table cannot outlive its reasons.
"""

import dataclasses

GRAPH = "https://graph.microsoft.com/.default"
ABSENT, ANY = "nothing", "anything"
# MSAL asks for these with every scope of an owner.
OPENID = "offline_access openid profile"
USER_SCOPES = f"User.Read {OPENID}"


@dataclasses.dataclass(frozen=True)
class Meant:
    library: str
    exchanges: tuple
    name: str
    theirs: object
    ours: object
    reason: str

    def fits(self, library, exchange, difference):
        def is_like(meant, seen):
            return seen != ABSENT if meant == ANY else seen == meant

        where = self.library == library and exchange in self.exchanges and self.name == difference.name
        return where and is_like(self.theirs, difference.theirs) and is_like(self.ours, difference.ours)


SECRET, CERTIFICATE = "client credentials, secret", "client credentials, certificate"
AUTHORIZATION, EXCHANGE = "authorization URL", "code exchange"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
PKCE = "PKCE only for clients without a secret; RFC 9700 §2.1.1 recommends it for all"

MEANT = [
    Meant("msal", (AUTHORIZATION, EXCHANGE, "refresh", SECRET, CERTIFICATE, "on behalf of", "device poll"),
          "client_info", "1", ABSENT, "Microsoft's own account hint; the ID token names the account"),
    Meant("msal", (EXCHANGE, "refresh"), "scope", USER_SCOPES, ABSENT,
          "optional there, and the same as was consented to (RFC 6749 §6)"),
    Meant("msal", ("on behalf of",), "scope", f"{GRAPH} {OPENID}", GRAPH,
          "MSAL adds its usual scopes; Credence asks for what the client has"),
    Meant("msal", ("device poll",), "code", "made-up-device", ABSENT, "repeats the device code under an older name"),
    Meant("msal", (CERTIFICATE,), "assertion x5c", ANY, ABSENT,
          "the certificate itself; only needed where Entra trusts subject name and issuer"),
    Meant("azure-identity", (SECRET, CERTIFICATE), "client_info", "1", ABSENT, "as at msal, which it stands on"),
    Meant("azure-identity", (CERTIFICATE,), "assertion alg", "RS256", "PS256", "Entra recommends PS256, takes both"),
    Meant("azure-identity", (CERTIFICATE,), "assertion x5t", ANY, ABSENT, "as alg: SHA-1 goes with RS256"),
    Meant("azure-identity", (CERTIFICATE,), "assertion x5t#S256", ABSENT, ANY, "as alg: SHA-256 goes with PS256"),
    Meant("dropbox", (AUTHORIZATION,), "code_challenge", ABSENT, ANY, PKCE),
    Meant("dropbox", (AUTHORIZATION,), "code_challenge_method", ABSENT, "S256", PKCE),
    Meant("dropbox", (EXCHANGE,), "code_verifier", ABSENT, ANY, PKCE),
    Meant("dropbox", ("revocation",), "content type", JSON, ABSENT,
          "the body null; Dropbox takes no body and no type as well"),
    Meant("simple-salesforce", ("client credentials, as the profile has it",), "credentials", "Basic", "body",
          "Salesforce takes both; the next exchange compares Basic"),
    Meant("simple-salesforce", ("client credentials, as the profile has it",), "client_id", ABSENT, "made-up-client",
          "as credentials"),
    Meant("simple-salesforce", ("client credentials, as the profile has it",), "client_secret", ABSENT, ANY,
          "as credentials"),
    Meant("simple-salesforce", ("client credentials, as the profile has it",), "Authorization", ANY, ABSENT,
          "as credentials"),
    Meant("simple-salesforce", ("JWT bearer",), "client_id", ABSENT, "made-up-client",
          "the assertion's issuer says the same (RFC 7521 §4.1 leaves it open)"),
    Meant("simple-salesforce", ("JWT bearer",), "assertion jti", ABSENT, ANY, "optional (RFC 7523 §3)"),
    Meant("simple-salesforce", ("JWT bearer",), "assertion iat", ABSENT, ANY, "optional (RFC 7523 §3)"),
    Meant("PyGithub", (AUTHORIZATION,), "response_type", ABSENT, "code", "GitHub knows no other; RFC 6749 wants it"),
    Meant("PyGithub", (AUTHORIZATION,), "scope", ABSENT, "read:user", "PyGithub cannot ask; the profile's standard"),
    Meant("PyGithub", (AUTHORIZATION,), "code_challenge", ABSENT, ANY, PKCE),
    Meant("PyGithub", (AUTHORIZATION,), "code_challenge_method", ABSENT, "S256", PKCE),
    Meant("PyGithub", (EXCHANGE,), "code_verifier", ABSENT, ANY, PKCE),
    Meant("PyGithub", (EXCHANGE,), "grant_type", ABSENT, "authorization_code", "RFC 6749 §4.1.3 wants it"),
    Meant("PyGithub", (EXCHANGE,), "redirect_uri", ABSENT, ANY, "RFC 6749 §4.1.3 wants it repeated"),
    Meant("PyGithub", (EXCHANGE, "refresh"), "content type", JSON, FORM, "GitHub documents a form, takes both"),
    Meant("PyGithub", ("installation token",), "permissions", {}, ABSENT, "an empty object asks for all, as nothing"),
    Meant("PyGithub", ("installation token",), "assertion jti", ABSENT, ANY, "optional (RFC 7519 §4.1.7)"),
]
