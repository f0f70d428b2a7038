"""What each vendor's own library sends, through its real transport, to the recorder. Each must be content with the
recorder's answer: an exchange that broke off is no measure."""

import urllib.parse

import requests

from vendors_meant import GRAPH

TENANT, CLIENT, SECRET = "11111111-2222-3333-4444-555555555555", "made-up-client", "made-up-secret"
ACCESS, REFRESH, USER_TOKEN = "made-up-access", "made-up-refresh", "made-up-user-token"


def redirect_all_to(recorder):
    """Every request of the libraries goes to the recorder, whatever host it names."""
    send = requests.adapters.HTTPAdapter.send

    def redirected(adapter, request, **options):
        if not request.url.startswith(f"{recorder.base}/"):
            request.url = f"{recorder.base}/{request.url.split('://', 1)[1]}"
        return send(adapter, request, **{**options, "proxies": {}})

    requests.adapters.HTTPAdapter.send = redirected


def authorization(url):
    """An authorization URL as if a browser had opened it."""
    requests.get(url, allow_redirects=False, timeout=10)


def content(result):
    """MSAL returns what went wrong instead of raising it."""
    if "access_token" not in result:
        raise RuntimeError(f"MSAL got {result.get('error')}: {result.get('error_description')}")


def msal_confidential(credential=SECRET):
    import msal

    authority = f"https://login.microsoftonline.com/{TENANT}"
    return msal.ConfidentialClientApplication(
        CLIENT, authority=authority, client_credential=credential, instance_discovery=False
    )


def msal_code(redirect_uri, scopes):
    app = msal_confidential()
    flow = app.initiate_auth_code_flow(scopes, redirect_uri=redirect_uri, state="made-up-state")
    authorization(flow["auth_uri"])
    content(app.acquire_token_by_auth_code_flow(flow, {"code": "made-up-code", "state": "made-up-state"}))


def msal_refresh(scopes):
    content(msal_confidential().acquire_token_by_refresh_token(REFRESH, scopes))


def msal_job():
    content(msal_confidential().acquire_token_for_client([GRAPH]))


def msal_certificate(key, certificate):
    app = msal_confidential({"private_key": key, "public_certificate": certificate})
    content(app.acquire_token_for_client([GRAPH]))


def msal_on_behalf():
    content(msal_confidential().acquire_token_on_behalf_of(USER_TOKEN, [GRAPH]))


def msal_device(scopes):
    import msal

    authority = f"https://login.microsoftonline.com/{TENANT}"
    app = msal.PublicClientApplication(CLIENT, authority=authority, instance_discovery=False)
    content(app.acquire_token_by_device_flow(app.initiate_device_flow(scopes)))


def azure_identity_job():
    from azure.identity import ClientSecretCredential

    ClientSecretCredential(TENANT, CLIENT, SECRET, disable_instance_discovery=True).get_token(GRAPH)


def azure_identity_certificate(key, certificate):
    from azure.identity import CertificateCredential

    data = (key + certificate).encode()
    CertificateCredential(TENANT, CLIENT, certificate_data=data, disable_instance_discovery=True).get_token(GRAPH)


def dropbox_code(redirect_uri, scopes, secret=SECRET):
    """With PKCE in place of a secret where there is none."""
    import dropbox

    session = {}
    flow = dropbox.DropboxOAuth2Flow(
        CLIENT, redirect_uri, session, "csrf", consumer_secret=secret, token_access_type="offline", scope=scopes,
        use_pkce=secret is None,
    )
    url = flow.start()
    authorization(url)
    state = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))["state"]
    flow.finish({"code": "made-up-code", "state": state})


def dropbox_refresh(secret=SECRET):
    import dropbox

    account = dropbox.Dropbox(
        oauth2_access_token=ACCESS, oauth2_refresh_token=REFRESH, app_key=CLIENT, app_secret=secret
    )
    account.refresh_access_token()


def dropbox_revoke():
    import dropbox

    dropbox.Dropbox(oauth2_access_token=ACCESS).auth_token_revoke()


def salesforce_assertion(key):
    from simple_salesforce import SalesforceLogin

    SalesforceLogin(username="alice@acme.example", consumer_key=CLIENT, privatekey=key, domain="login")


def salesforce_job():
    from simple_salesforce import SalesforceLogin

    SalesforceLogin(consumer_key=CLIENT, consumer_secret=SECRET, domain="acme.my")


def github_code(redirect_uri):
    import github

    app = github.Github().get_oauth_application(CLIENT, SECRET)
    authorization(app.get_login_url(redirect_uri=redirect_uri, state="made-up-state"))
    app.get_access_token("made-up-code")


def github_refresh():
    import github

    github.Github().get_oauth_application(CLIENT, SECRET).refresh_access_token(REFRESH)


def github_installation(key):
    import github

    github.GithubIntegration(auth=github.Auth.AppAuth(CLIENT, key)).get_access_token(42)
