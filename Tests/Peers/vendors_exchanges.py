"""The exchanges that are compared, by profile: what the vendor's library does, and what Credence does for the same."""

import urllib.parse

import vendors_clients as vendor
from vendors_meant import AUTHORIZATION, CERTIFICATE, EXCHANGE, GRAPH, OPENID, SECRET

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def at(path):
    return lambda request: urllib.parse.urlsplit(request.url).path.endswith(path)


def grant(kind):
    return lambda request: request.parameters.get("grant_type") == kind


def scopes(*names):
    return [argument for name in names for argument in ("--scope", name)]


CODE = {AUTHORIZATION: at("/authorize"), EXCHANGE: lambda request: request.parameters.get("code") == "made-up-code"}
REFRESH = {"refresh": grant("refresh_token")}


def azure(sides):
    tenant, asked = ["--field", f"tenant={vendor.TENANT}"], scopes("User.Read", *OPENID.split())
    back = sides.client("graph", "azure-ad", *tenant, *asked)
    sides.both("msal", CODE, lambda: vendor.msal_code(back, ["User.Read"]), lambda: sides.connect("graph"))
    sides.both("msal", REFRESH, lambda: vendor.msal_refresh(["User.Read"]), lambda: sides.refresh("graph"))
    job = [*tenant, "--grant", "client_credentials", *scopes(GRAPH)]
    certified = ["--key-file", sides.key_path, "--certificate-file", sides.certificate_path]
    sides.client("job", "azure-ad", *job)
    sides.client("certified", "azure-ad", *job, *certified, secret=None)
    pair = sides.key, sides.certificate
    for library, exchange, theirs, ours in (
        ("msal", SECRET, vendor.msal_job, "job"),
        ("azure-identity", SECRET, vendor.azure_identity_job, "job"),
        ("msal", CERTIFICATE, lambda: vendor.msal_certificate(*pair), "certified"),
        ("azure-identity", CERTIFICATE, lambda: vendor.azure_identity_certificate(*pair), "certified"),
    ):
        name = f"{ours}-{library}"
        sides.both(library, {exchange: grant("client_credentials")}, theirs, lambda: sides.add(name, client=ours))
    sides.client("obo", "azure-ad", *tenant, "--grant", "token-exchange", *scopes(GRAPH))
    sides.both(
        "msal", {"on behalf of": grant(JWT_BEARER)}, vendor.msal_on_behalf,
        lambda: sides.add("obo", "--subject-token-stdin", stdin=vendor.USER_TOKEN))
    # Without scopes: the profile's standard ones are MSAL's own.
    sides.client("device", "azure-ad", *tenant, "--auth", "none", secret=None)
    sides.both(
        "msal", {"device authorization": at("/devicecode"), "device poll": grant(DEVICE)},
        lambda: vendor.msal_device([]), lambda: sides.connect_device("device"))


def dropbox(sides):
    asked = ["account_info.read", "files.metadata.read"]
    back = sides.client("files", "dropbox", *scopes(*asked))
    sides.both("dropbox", CODE, lambda: vendor.dropbox_code(back, asked), lambda: sides.connect("files"))
    sides.both("dropbox", REFRESH, vendor.dropbox_refresh, lambda: sides.refresh("files"))
    sides.both(
        "dropbox", {"revocation": at("/token/revoke")}, vendor.dropbox_revoke,
        lambda: sides.command.run("connections", "remove", "files"))
    # Nothing asked for: every scope of the app.
    all_back = sides.client("public", "dropbox", "--auth", "none", secret=None)
    sides.both(
        "dropbox", {f"{name}, PKCE without a secret": fits for name, fits in CODE.items()},
        lambda: vendor.dropbox_code(all_back, None, secret=None), lambda: sides.connect("public"))
    sides.both(
        "dropbox", {"refresh, without a secret": grant("refresh_token")},
        lambda: vendor.dropbox_refresh(secret=None), lambda: sides.refresh("public"))


def salesforce(sides):
    job = ["--grant", "client_credentials", "--field", "login_host=acme.my.salesforce.com"]
    for name, title, how in (
        ("crm-job", "as the profile has it", []),
        ("crm-basic", "Basic", ["--auth", "client_secret_basic"]),
    ):
        sides.client(name, "salesforce", *job, *how)
        sides.both(
            "simple-salesforce", {f"client credentials, {title}": grant("client_credentials")}, vendor.salesforce_job,
            lambda: sides.add(name))
    sides.client("crm-robot", "salesforce", "--grant", "jwt-bearer", "--key-file", sides.key_path, secret=None)
    sides.both(
        "simple-salesforce", {"JWT bearer": grant(JWT_BEARER)}, lambda: vendor.salesforce_assertion(sides.key),
        lambda: sides.add("crm-robot", "--field", "subject=alice@acme.example"))


def github(sides):
    back = sides.client("code", "github")
    sides.both("PyGithub", CODE, lambda: vendor.github_code(back), lambda: sides.connect("code"))
    sides.both("PyGithub", REFRESH, vendor.github_refresh, lambda: sides.refresh("code"))


def github_app(sides):
    sides.client("robot", "github-app", "--key-file", sides.key_path, secret=None)
    sides.both(
        "PyGithub", {"installation token": at("/access_tokens")}, lambda: vendor.github_installation(sides.key),
        lambda: sides.add("robot", "--field", "installation_id=42"))


PARTS = {"azure-ad": azure, "dropbox": dropbox, "salesforce": salesforce, "github": github, "github-app": github_app}
