"""The two peers: how each is reached, what its pages call their buttons, and the clients that the rounds want there."""

from peer_options import Registration

# One client a round: what a peer saw is then told apart by client, and the rounds run side by side.
BASIC = Registration("basic", grant="client_credentials")
POST = Registration("post", grant="client_credentials", auth="client_secret_post")
REMOVED = Registration("removed", grant="client_credentials")
SILENT = Registration("silent", grant="client_credentials", says_lifetime=False)
OPENID = Registration("openid", scopes=["openid", "read"])
# Who asks the peer about tokens on the part of the rounds, as a resource server does.
RESOURCE = Registration("resource", grant="client_credentials")
# Not registered by anybody's hand: the connection is made from the resource's URL alone.
FOUND = Registration("found", auth=None)


class DjangoOAuthToolkit:
    """Reached through discovery: its issuer has a path, and its token endpoint a trailing slash."""

    script = "peer_django_oauth_toolkit.py"
    client = "dot"
    allow, deny = ("allow", "Authorize"), ("", "Cancel")
    token_endpoint, introspection_endpoint = "/o/token/", "/o/introspect/"
    registrations = [BASIC, POST, REMOVED, SILENT, OPENID]
    # The toolkit's device view reads client_id out of the form, so Basic alone will not do there.
    registrations += [
        Registration("device", grant="device_code", auth="client_secret_post"),
        Registration("device-public", grant="device_code", auth="none"),
    ]
    unregistered = [FOUND]
    allow_device, deny_device = ("action", "accept"), ("action", "deny")
    account = "1"  # `sub`: the user's primary key

    def fields(self, base):
        return {"issuer": f"{base}/o"}

    def grant_fields(self, base):
        """Its metadata does not name the device endpoint."""
        return {**self.fields(base), "device_authorization_endpoint": f"{base}/o/device-authorization/"}


class Authlib:
    """Reached through endpoints given one by one in the code round, through discovery in the rounds of the grants."""

    script = "peer_authlib.py"
    client = "authlib"
    allow, deny = ("answer", "yes"), ("answer", "no")
    token_endpoint, introspection_endpoint = "/token", "/introspect"
    registrations = [BASIC, POST, REMOVED, SILENT, OPENID]
    registrations += [
        Registration("device", grant="device_code"),
        Registration("secret-jwt", grant="client_credentials", auth="client_secret_jwt"),
        Registration("key-es256", grant="client_credentials", auth="private_key_jwt", key="ES256"),
        Registration("key-rs256", grant="client_credentials", auth="private_key_jwt", key="RS256"),
        Registration("bearer", grant="jwt-bearer", auth="none", key="ES256"),
        Registration("bearer-key", grant="jwt-bearer", auth="private_key_jwt", key="RS256"),
    ]
    unregistered = []
    allow_device, deny_device = ("answer", "yes"), ("answer", "no")
    account = "alice@example.com"

    def fields(self, base):
        return {
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "revocation_endpoint": f"{base}/revoke",
        }

    def grant_fields(self, base):
        return {"issuer": base}


PEERS = {"django-oauth-toolkit": DjangoOAuthToolkit, "authlib": Authlib}
