"""django-oauth-toolkit as people deploy it: mounted under /o, the metadata at the root besides (RFC 8414 §3.1),
refresh token rotation with reuse detection, ID tokens by RS256, the device flow. HTTP/1.0, as wsgiref speaks it.

The protocol is all the toolkit's. Ours are a login page, a protected resource, and the witness; and one answer that
leaves out the lifetime (RFC 6749 §5.1 allows it), which the toolkit itself never does.
"""

import json
import os
import secrets
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import django
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings

from peer_options import options, ready
from witness import Witness

witness = Witness()

LOGIN_PAGE = """<!doctype html><title>Log in</title>
<form method="post">{% csrf_token %}{{ form.as_p }}
<input type="hidden" name="next" value="{{ next }}"><button>Log in</button></form>"""


def watch_endpoints(get_response):
    """Middleware: notes what went over the token and the revocation endpoint, and changes nothing."""

    def middleware(request):
        response = get_response(request)
        authorization = request.headers.get("Authorization")
        if request.path == "/o/token/":
            witness.saw_token_request(request.POST, authorization, response.status_code, response.content)
        if request.path == "/o/revoke_token/" and response.status_code == 200:
            witness.saw_revocation(request.POST, authorization)
        if request.path == "/o/introspect/" and response.status_code == 200:
            witness.saw_introspection(request.POST, authorization)
        return response

    return middleware


def configure(chosen, base):
    signing_key = rsa.generate_private_key(65537, 2048)
    settings.configure(
        SECRET_KEY=secrets.token_hex(32),
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        STATIC_URL="/static/",
        LOGIN_URL="/login/",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.staticfiles",
            "oauth2_provider",
        ],
        MIDDLEWARE=[
            f"{__name__}.watch_endpoints",
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "context_processors": ["django.template.context_processors.request"],
                    "loaders": [
                        ("django.template.loaders.locmem.Loader", {"registration/login.html": LOGIN_PAGE}),
                        "django.template.loaders.app_directories.Loader",
                    ],
                },
            }
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": os.path.join(chosen.state, "django.sqlite3"),
                "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
            }
        },
        OAUTH2_PROVIDER={
            "SCOPES": {
                "read": "Read what is yours",
                "write": "Change what is yours",
                "openid": "Know who you are",
                "introspection": "Ask about tokens",
            },
            "DEFAULT_SCOPES": ["read"],
            "OAUTH2_VALIDATOR_CLASS": "peer_django_oauth_toolkit_validator.Validator",
            "PKCE_REQUIRED": True,
            "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
            "ALLOWED_REDIRECT_URI_SCHEMES": ["http"],
            "ACCESS_TOKEN_EXPIRE_SECONDS": chosen.access_token_lifetime,
            "ROTATE_REFRESH_TOKEN": True,
            "REFRESH_TOKEN_REUSE_PROTECTION": True,
            "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
            "DEVICE_FLOW_INTERVAL": 1,
            "OAUTH_DEVICE_VERIFICATION_URI": f"{base}/o/device/",
            "OAUTH_DEVICE_VERIFICATION_URI_COMPLETE": lambda code: f"{base}/o/device/?user_code={code}",
            "DCR_ENABLED": True,
            "DCR_REGISTRATION_PERMISSION_CLASSES": ("oauth2_provider.dcr.AllowAllDCRPermission",),
            "OAUTH2_PROTECTED_RESOURCE_IDENTIFIER": f"{base}/resource",
            "OAUTH2_PROTECTED_RESOURCE_AUTHORIZATION_SERVERS": [f"{base}/o"],
            "OIDC_ENABLED": True,
            "OIDC_RSA_PRIVATE_KEY": signing_key.private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            ).decode(),
        },
    )
    django.setup()


def routes(base):
    from django.contrib.auth.models import User
    from django.contrib.auth.views import LoginView
    from django.http import JsonResponse
    from django.urls import include, path
    from django.views.decorators.csrf import csrf_exempt
    from oauth2_provider.decorators import protected_resource
    from oauth2_provider.models import AccessToken, RefreshToken
    from oauth2_provider.urls import metadata_urlpatterns
    from oauth2_provider.views import OAuthProtectedResourceMetadataView

    class ResourceMetadata(OAuthProtectedResourceMetadataView):
        def get_scopes_supported(self):
            """Not `openid`: the toolkit answers 500 to it where the client registered itself, for want of a key."""
            return ["read"]

    about_resource = ".well-known/oauth-protected-resource/resource"

    @protected_resource(scopes=["read"], advertise_metadata=True, resource_metadata_url=f"{base}/{about_resource}")
    def resource(request):
        return JsonResponse({"owner": request.resource_owner and request.resource_owner.username})

    def report(request):
        return JsonResponse(witness.report())

    @csrf_exempt
    def revoke(request):
        owner = User.objects.get(username=json.loads(request.body)["user"])
        grants = list(RefreshToken.objects.filter(user=owner, revoked__isnull=True))
        for grant in grants:
            grant.revoke()
        AccessToken.objects.filter(user=owner).delete()
        return JsonResponse({"revoked": len(grants)})

    return [
        path("login/", LoginView.as_view()),
        path("resource", resource),
        path(about_resource, ResourceMetadata.as_view()),
        path("witness", report),
        path("witness/revoke", revoke),
        path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    ] + metadata_urlpatterns


# The toolkit's words for grants, by the words of the registrations.
GRANTS = {
    "authorization_code": "authorization-code",
    "client_credentials": "client-credentials",
    "device_code": "urn:ietf:params:oauth:grant-type:device_code",
}


def fill_database(chosen):
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from oauth2_provider.models import Application
    from peer_django_oauth_toolkit_validator import silent

    call_command("migrate", verbosity=0)
    silent.update(registration.client_id for registration in chosen.registrations if not registration.says_lifetime)
    owner = User.objects.create_user(chosen.user, password=chosen.password)
    for registration in chosen.registrations:
        Application.objects.create(
            user=owner,
            name=f"Credence, {registration.name}",
            client_id=registration.client_id,
            client_secret=registration.secret or "",
            client_type=Application.CLIENT_PUBLIC if registration.auth == "none" else Application.CLIENT_CONFIDENTIAL,
            authorization_grant_type=GRANTS[registration.grant],
            redirect_uris=registration.redirect_uri,
            algorithm=Application.RS256_ALGORITHM,
        )


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Handler(WSGIRequestHandler):
    def log_message(self, format, *arguments):
        # The path without its query: codes and states do not belong in a log, not even in this one.
        sys.stderr.write(f"{self.command} {self.path.split('?')[0]} {arguments[1] if len(arguments) > 1 else ''}\n")


def main():
    global urlpatterns  # where Django looks for the routes of ROOT_URLCONF

    chosen = options(__doc__)
    server = Server(("127.0.0.1", 0), Handler)
    base = f"http://127.0.0.1:{server.server_port}"
    configure(chosen, base)
    fill_database(chosen)
    urlpatterns = routes(base)

    from django.core.wsgi import get_wsgi_application

    server.set_app(get_wsgi_application())
    ready(base)
    server.serve_forever()


if __name__ == "__main__":
    # Django finds routes and middleware by this module's name, so main() has to run under it.
    import peer_django_oauth_toolkit

    peer_django_oauth_toolkit.main()
