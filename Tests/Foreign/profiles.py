"""From a case's request_context: the provider profile, and the bodies that make its client and its connection."""

import json

from cases import CODE, GRANTS, Case
from replay import key_of, signing_algorithm

# Metadata that a profile may hold: with endpoints written down, what a case says of the metadata goes there.
METADATA = (
    "authorization_response_iss_parameter_supported",
    "require_pushed_authorization_requests",
    "code_challenge_methods_supported",
    "token_endpoint_auth_methods_supported",
    "grant_types_supported",
    "dpop_signing_alg_values_supported",
)
# Members of request_context.profile that are read here; another one is named with the case's failure.
ISSUERS = ("issuers", "issuer_templates", "issuer_template", "id_token_issuers", "id_token_issuer")
KNOWN = {
    *ISSUERS,
    "discovery", "oidc", "userinfo_on_connect", "client_auth", "dpop", "dpop_alg", "par", "service_account",
    "response_mode", "client_key_alg", "client_kid", "assertion_audience", "grant_type", "refresh_url",
    "scope_separator", "token_response_path", "access_token_field", "token_type_aliases", "form_response",
    "raw_basic", "no_pkce", "pkce", "assertion_headers", "authorization_parameters",
    "token_parameters", "refresh_parameters", "errors", "default_lifetime", "resource", "audience",
    "response_members", "client_auth_encoding", "pkce_required",
}  # fmt: skip


def unknown_members(case):
    return sorted(set(case.profile) - KNOWN)


def server(case: Case, replay):
    """The profile's authorization_server: the issuer alone with discovery, else every endpoint."""
    issuer, asked = replay.issuer(case), case.profile
    if asked.get("discovery"):
        return {"issuer": issuer}
    suffix = replay.render(case.context.get("token_url_suffix") or "", case)
    members = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token{suffix}",
        "revocation_endpoint": f"{issuer}/revoke",
        "introspection_endpoint": f"{issuer}/introspect",
    }
    if case.flow == "device" or case.endpoint == "device_authorization":
        members["device_authorization_endpoint"] = f"{issuer}/device_authorization"
    if asked.get("par") or case.endpoint == "par":
        members["pushed_authorization_request_endpoint"] = f"{issuer}/par"
        members["require_pushed_authorization_requests"] = True
    if asked.get("oidc") or case.endpoint == "jwks" or case.context.get("id_token"):
        members["jwks_uri"] = f"{issuer}/jwks"
    if asks_userinfo(case):
        members["userinfo_endpoint"] = f"{issuer}/userinfo"
    if asked.get("dpop"):
        members["dpop_signing_alg_values_supported"] = [dpop_algorithm(case)]
    if asked.get("refresh_url"):
        members["refresh_endpoint"] = replay.render(asked["refresh_url"], case)
    metadata = case.context.get("metadata") or {}
    members |= {name: metadata[name] for name in METADATA if metadata.get(name) is not None}
    return members


def asks_userinfo(case):
    return bool(case.profile.get("userinfo_on_connect")) or case.endpoint == "userinfo"


def dpop_algorithm(case):
    asked = case.profile.get("dpop")
    return case.profile.get("dpop_alg") or (asked.get("alg") if isinstance(asked, dict) else None) or "ES256"


def departures(case):
    asked, found = case.profile, []
    for name in ("form_response", "raw_basic", "no_pkce"):
        if asked.get(name):
            found.append(name)
    if asked.get("pkce") is False:
        found.append("no_pkce")
    if asked.get("client_auth_encoding") == "raw":
        found.append("raw_basic")
    if (asked.get("scope_separator") or " ") != " ":
        found.append(f"response_scope_separator:{asked['scope_separator']}")
    if asked.get("token_response_path"):
        found.append(f"response_root:{asked['token_response_path']}")
    if asked.get("access_token_field"):
        found.append(f"response_member:access_token={asked['access_token_field']}")
    for name, path in (asked.get("response_members") or {}).items():
        found.append(f"response_member:{name}={path}")
    for word, kind in (asked.get("token_type_aliases") or {}).items():
        if str(kind).lower() == "bearer":
            found.append(f"token_type_alias:{word}")
    return found


def jwt_bearer(account, case, replay):
    names = ("issuer", "subject", "audience", "scope_in", "lifetime")
    members = {name: account[name] for name in names if account.get(name) is not None}
    return {name: replay.render(value, case) if isinstance(value, str) else value for name, value in members.items()}


def profile(case: Case, replay):
    asked = case.profile
    members = {
        "provider": case.name,
        "title": "Replay",
        "kind": "oauth2",
        "authorization_server": server(case, replay),
        "scopes": {"default": [], "separator": asked.get("scope_separator") or " "},
        "apply": {"headers": {"Authorization": "{token_type} {access_token}"}},
        "hosts": ["127.0.0.1"],
    }
    named = {"departures": departures(case), "errors": asked.get("errors")}
    named["authorization_parameters"] = dict(asked.get("authorization_parameters") or {})
    if asked.get("response_mode"):
        named["authorization_parameters"]["response_mode"] = asked["response_mode"]
    named["token_parameters"] = dict(asked.get("token_parameters") or {})
    if asked.get("grant_type"):
        named["token_parameters"]["grant_type"] = asked["grant_type"]
    if asked.get("audience"):
        named["token_parameters"]["audience"] = asked["audience"]
    named["refresh_parameters"] = asked.get("refresh_parameters")
    if asked.get("default_lifetime"):
        named["expiry"] = {"default_lifetime": asked["default_lifetime"]}
    named["capture"] = [{"name": name} for name in case.expect.get("raw_extra") or {}]
    if isinstance(asked.get("service_account"), dict):
        named["jwt_bearer"] = jwt_bearer(asked["service_account"], case, replay)
    audience = replay.render(asked.get("assertion_audience") or "", case)
    assertion = {"audience": audience, "headers": asked.get("assertion_headers")}
    named["client_assertion"] = {name: value for name, value in assertion.items() if value}
    if asks_userinfo(case):
        named["identity"] = {"from": "userinfo"}
    issuers = next((asked[name] for name in ISSUERS if asked.get(name)), [])
    if issuers:
        issuers = issuers if isinstance(issuers, list) else [issuers]
        issuers = [replay.render(text, case).replace("{tenantid}", "{claim:tid}") for text in issuers]
        named["id_token"] = {"issuers": issuers}
    return members | {name: value for name, value in named.items() if value}


def client(case: Case, keys, shared, client_id=None):
    """The body of POST /v1/clients. `client_id`: for a second registration at the same server."""
    asked = case.profile
    members = {"id": client_id or case.name, "provider": case.name, "client_id": client_id or case.id}
    method = asked.get("client_auth")
    if not method and case.flow == "jwt_bearer":
        method = "none"  # the assertion is the grant; nothing else says who is calling
    if method:
        members["auth"] = method
    if case.scopes:
        members["scopes"] = case.scopes
    secret = case.client_secret
    if secret is not None and method not in ("none", "private_key_jwt"):
        members["secret"] = secret
    algorithm = signing_algorithm(case)
    if algorithm:
        account = asked.get("service_account") if isinstance(asked.get("service_account"), dict) else {}
        kid = asked.get("client_kid") or account.get("kid")
        key = {"pem": key_of(case, keys, shared)[0]}
        if asked.get("assertion_headers"):
            key["certificates"] = keys.certificate(algorithm)
        members["key"] = key | ({"kid": kid} if kid else {})
        members["signing_alg"] = algorithm
    elif method == "client_secret_jwt" and asked.get("client_key_alg"):
        members["signing_alg"] = asked["client_key_alg"]
    elif method in ("tls_client_auth", "self_signed_tls_client_auth"):
        members["key"] = {"pem": keys.pem("RS256"), "certificates": keys.certificate("RS256")}
    if asked.get("dpop"):
        members["dpop"] = True
    return members


def connection(case: Case, name, client_id=None):
    """The body of POST /v1/connections."""
    members = {"id": name, "client": client_id or case.name, "labels": {"suite": "foreign"}}
    grant = GRANTS.get(case.flow, CODE)
    if grant != CODE:
        members["grant"] = grant
    if case.flow == "token_exchange":
        kind = "urn:ietf:params:oauth:token-type:access_token"
        members["secret"] = {"subject_token": f"subject-of-{case.id}", "subject_token_type": kind}
    resource = case.profile.get("resource") or case.context.get("resource")
    if resource:
        members["resource"] = resource if isinstance(resource, list) else [resource]
    return members


def write(case, replay, path):
    with open(path, "w", encoding="utf-8") as out:
        json.dump(profile(case, replay), out, indent=1)
