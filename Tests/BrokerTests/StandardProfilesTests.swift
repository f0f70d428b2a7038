import BrokerTesting
import Foundation
import HTTPTypes
import OAuth
import ProviderProfiles
import Testing

@testable import Broker

/// Every standard profile of an OAuth provider, against the answers that its provider documents.
@Suite("Standard profiles")
struct StandardProfilesTests {
    /// What a provider answers, and what must come of it.
    struct Sample: Sendable, CustomTestStringConvertible {
        let provider: String
        var fields: [String: String] = [:]
        var scopes: [String] = []
        let authorize: String
        let token: String
        /// What stands in the authorization request besides the standard.
        var asked: [String: String] = [:]
        var consent: String
        /// The answer of the endpoint that says whose account it is.
        var identity: (path: String, body: String)?
        var account: String?
        var attributes: [String: String] = [:]
        var granted: [String] = []
        let expiresIn: Int?
        /// nil where nothing is refreshed.
        var refresh: String?
        /// The refresh token that is sent at the next refresh.
        var refreshTokenAfterwards = ""
        /// After a refresh.
        var attributesAfterwards: [String: String] = [:]
        /// What stands in each token request besides the standard.
        var sent: [String: String] = [:]
        var testDescription: String { provider }
    }

    static let samples = [
        Sample(
            provider: "github", scopes: ["repo", "gist"], authorize: "https://github.com/login/oauth/authorize",
            token: "https://github.com/login/oauth/access_token",
            consent:
                #"{"access_token":"gho_1","expires_in":28800,"refresh_token":"ghr_1","refresh_token_expires_in":15897600,"scope":"repo,gist","token_type":"bearer"}"#,
            identity: ("https://api.github.com/user", #"{"id":583231,"login":"octocat"}"#), account: "octocat",
            granted: ["repo", "gist"], expiresIn: 28800,
            refresh:
                "access_token=gho_2&expires_in=28800&refresh_token=ghr_2&refresh_token_expires_in=15897600&scope=repo%2Cgist&token_type=bearer",
            refreshTokenAfterwards: "ghr_2"),
        Sample(
            provider: "dropbox", authorize: "https://www.dropbox.com/oauth2/authorize",
            token: "https://api.dropboxapi.com/oauth2/token", asked: ["token_access_type": "offline"],
            consent:
                #"{"access_token":"sl.1","token_type":"bearer","expires_in":14400,"refresh_token":"rt_1","scope":"account_info.read files.metadata.read","uid":"424242","account_id":"dbid:made-up"}"#,
            account: "dbid:made-up", attributes: ["account_id": "dbid:made-up", "uid": "424242"],
            granted: ["account_info.read", "files.metadata.read"], expiresIn: 14400,
            refresh: #"{"access_token":"sl.2","token_type":"bearer","expires_in":14400}"#,
            refreshTokenAfterwards: "rt_1",
            attributesAfterwards: ["account_id": "dbid:made-up", "uid": "424242"]),
        Sample(
            provider: "salesforce", authorize: "https://login.salesforce.com/services/oauth2/authorize",
            token: "https://login.salesforce.com/services/oauth2/token",
            consent:
                #"{"access_token":"00Dxx!AQ.1","refresh_token":"5Aep.1","signature":"bWFk","scope":"refresh_token api id","instance_url":"https://first.my.salesforce.com","id":"https://login.salesforce.com/id/00Dxx/005xx","token_type":"Bearer","issued_at":"1893456000123"}"#,
            account: "https://login.salesforce.com/id/00Dxx/005xx",
            attributes: [
                "instance_url": "https://first.my.salesforce.com", "id": "https://login.salesforce.com/id/00Dxx/005xx",
            ], granted: ["refresh_token", "api", "id"], expiresIn: nil,
            refresh:
                #"{"access_token":"00Dxx!AQ.2","signature":"bWFk","scope":"refresh_token api id","instance_url":"https://second.my.salesforce.com","id":"https://login.salesforce.com/id/00Dxx/005xx","token_type":"Bearer","issued_at":"1893456900123"}"#,
            refreshTokenAfterwards: "5Aep.1",
            attributesAfterwards: [
                "instance_url": "https://second.my.salesforce.com", "id": "https://login.salesforce.com/id/00Dxx/005xx",
            ]),
        Sample(
            provider: "azure-ad", fields: ["tenant": "contoso.example"], scopes: ["User.Read", "offline_access"],
            authorize: "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/authorize",
            token: "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token",
            consent:
                #"{"token_type":"Bearer","scope":"https://graph.microsoft.com/User.Read","expires_in":4312,"ext_expires_in":4312,"access_token":"eyJ0.1","refresh_token":"0.AAAA-1"}"#,
            granted: ["https://graph.microsoft.com/User.Read"], expiresIn: 4312,
            refresh:
                #"{"token_type":"Bearer","scope":"https://graph.microsoft.com/User.Read","expires_in":4312,"ext_expires_in":4312,"access_token":"eyJ0.2","refresh_token":"0.AAAA-2"}"#,
            refreshTokenAfterwards: "0.AAAA-2"),
        Sample(
            provider: "azure-ad-v1", fields: ["tenant": "contoso.example", "resource": "https://api.example/"],
            authorize: "https://login.microsoftonline.com/contoso.example/oauth2/authorize",
            token: "https://login.microsoftonline.com/contoso.example/oauth2/token",
            asked: ["resource": "https://api.example/"],
            consent:
                #"{"token_type":"Bearer","scope":"user_impersonation","expires_in":"3599","ext_expires_in":"3599","expires_on":"1893459600","not_before":"1893456000","resource":"https://api.example/","access_token":"v1-1","refresh_token":"v1-rt-1"}"#,
            granted: ["user_impersonation"], expiresIn: 3599,
            refresh:
                #"{"token_type":"Bearer","scope":"user_impersonation","expires_in":"3599","resource":"https://api.example/","access_token":"v1-2","refresh_token":"v1-rt-2"}"#,
            refreshTokenAfterwards: "v1-rt-2", sent: ["resource": "https://api.example/"]),
    ]

    private let broker: TestBroker
    private let browser = Browser()

    init() throws {
        broker = try TestBroker()
    }

    @Test("Every profile of an OAuth provider has its sample here")
    func complete() throws {
        let named = Set(try ProviderCatalog.load().all.filter { $0.kind == .oauth2 }.map(\.name))
        #expect(named == Set(Self.samples.map(\.provider)).union(["oauth2", "github-app"]))
    }

    private func connect(_ sample: Sample) async throws -> ConsentOutcome {
        try await broker.addClient(provider: sample.provider, fields: sample.fields, scopes: sample.scopes)
        let begun = try await broker.begin(
            try await broker.newConnection { $0.provider = sample.provider }, browser)
        #expect(begun.url.hasPrefix("\(sample.authorize)?"))
        #expect(begun.query["code_challenge_method"] == "S256")
        for (name, value) in sample.asked { #expect(begun.query[name] == value, "\(name)") }
        answer(sample.consent, at: sample.token)
        if let identity = sample.identity {
            broker.exchange.expect(.json(identity.body)) { $0.url.string == identity.path }
        }
        // A lifetime that the answer does not say is asked for, where there is somebody to ask.
        broker.exchange.expect(.json(#"{"active":false}"#), times: nil) { $0.url.path.hasSuffix("/introspect") }
        return await broker.finish(begun, browser)
    }

    private func answer(_ body: String, at url: String) {
        let type = body.hasPrefix("{") ? "application/json" : "application/x-www-form-urlencoded; charset=utf-8"
        broker.exchange.expect(
            .answer(
                EndpointResponse(status: 200, headerFields: [.contentType: type], body: Array(body.utf8)))
        ) { $0.url.string == url }
    }

    private func tokenRequests(_ sample: Sample) throws -> [Parameters] {
        try broker.exchange.requests.filter { $0.url.string == sample.token }
            .map { try Parameters(formURLEncoded: $0.body) }
    }

    @Test("A consent brings the token, the scopes, the account and what the profile keeps", arguments: samples)
    func consent(sample: Sample) async throws {
        guard case .connected = try await connect(sample) else { return #expect(Bool(false), "\(sample.provider)") }
        let credential = try await broker.read()
        let grant = try await broker.stored().grant
        #expect(grant.scopes == sample.granted)
        #expect(grant.account == sample.account)
        #expect(grant.attributes == sample.attributes)
        #expect(credential.int("expires_in") == sample.expiresIn)
        let token = try #require(credential.text("access_token"))
        #expect(sample.consent.contains(#""\#(token)""#))
        #expect(credential.object("headers")?.text("Authorization") == "Bearer \(token)")
        let form = try #require(try tokenRequests(sample).first)
        #expect(form["grant_type"] == "authorization_code")
        #expect(form["code_verifier"] != nil)
        #expect(form["client_secret"] == "client-secret", "in the body, as all of them take it")
        for (name, value) in sample.sent { #expect(form[name] == value, "\(name)") }
    }

    @Test("What a profile captures and the provider does not send is told in the log, by its name")
    func captureMissing() async throws {
        var sample = try #require(Self.samples.first { $0.provider == "salesforce" })
        sample.consent = sample.consent.replacing(#""instance_url":"https://first.my.salesforce.com","#, with: "")
        guard case .connected = try await connect(sample) else { return #expect(Bool(false)) }
        #expect(try await broker.stored().grant.attributes["instance_url"] == nil)
        let told = broker.log.lines.filter { $0.contains("A provider did not send what its profile captures") }
        #expect(told.count == 1 && told[0].contains("instance_url"))
    }

    @Test("A refresh brings the next token and loses nothing that it does not repeat", arguments: samples)
    func refresh(sample: Sample) async throws {
        _ = try await connect(sample)
        let refresh = try #require(sample.refresh)
        for _ in 0..<2 {
            answer(refresh, at: sample.token)
            _ = try await broker.core.credentials.refresh(TestBroker.connection, for: broker.admin, rejected: nil)
        }
        let grant = try await broker.stored().grant
        #expect(grant.account == sample.account)
        #expect(
            grant.attributes == (sample.attributesAfterwards.isEmpty ? sample.attributes : sample.attributesAfterwards))
        #expect(grant.scopes == sample.granted)
        let form = try #require(try tokenRequests(sample).last)
        #expect(form["grant_type"] == "refresh_token")
        #expect(form["refresh_token"] == sample.refreshTokenAfterwards)
        for (name, value) in sample.sent { #expect(form[name] == value, "\(name)") }
    }

    // MARK: Removal

    @Test(
        "A removal ends the tokens, by RFC 7009 or by the provider's own call",
        arguments: [
            (
                "github", "DELETE https://api.github.com/applications/our-id/token",
                "Basic b3VyLWlkOmNsaWVudC1zZWNyZXQ=",
                #"{"access_token":"gho_1"}"#
            ), ("dropbox", "POST https://api.dropboxapi.com/2/auth/token/revoke", "Bearer sl.1", ""),
            (
                "salesforce", "POST https://login.salesforce.com/services/oauth2/revoke", nil,
                "token=5Aep.1&token_type_hint=refresh_token&client_id=our-id&client_secret=client-secret"
            ),
        ] as [(String, String, String?, String)])
    func removal(provider: String, call: String, authorization: String?, body: String) async throws {
        _ = try await connect(try #require(Self.samples.first { $0.provider == provider }))
        broker.exchange.expect(.json("", status: 204)) { $0.description == call }
        let outcome = try await broker.core.connections.delete(TestBroker.connection, by: broker.admin)
        #expect(outcome == .revoked)
        let request = try #require(broker.exchange.requests.last)
        #expect(request.description == call)
        #expect(request.headerFields[.authorization] == authorization)
        #expect(String(decoding: request.body, as: UTF8.self) == body)
    }

    @Test(
        "A token that the provider does not take any more is not tried again; an outage is", arguments: [404, 422, 503])
    func removalFails(status: Int) async throws {
        _ = try await connect(try #require(Self.samples.first { $0.provider == "github" }))
        broker.exchange.expect(.json("{}", status: status)) { $0.method == .delete }
        let outcome = try await broker.core.connections.delete(TestBroker.connection, by: broker.admin)
        #expect(outcome == (status == 503 ? .pending(reason: "status_503") : .refused(code: "invalid_token")))
    }

    @Test("Azure has nothing to call: the connection goes, the tokens end by themselves")
    func nothingToCall() async throws {
        _ = try await connect(try #require(Self.samples.first { $0.provider == "azure-ad" }))
        let sent = broker.exchange.requests.count
        #expect(
            try await broker.core.connections.delete(TestBroker.connection, by: broker.admin) == .nothingToTell)
        #expect(broker.exchange.requests.count == sent)
    }

    // MARK: Errors

    struct Trouble: Sendable, CustomTestStringConvertible {
        let provider: String
        let status: Int
        let body: String
        let remedy: OAuthError.Remedy
        var testDescription: String { "\(provider): \(body)" }
    }

    private static func azure(_ number: Int, _ error: String, _ remedy: OAuthError.Remedy, status: Int = 400) -> Trouble
    {
        Trouble(
            provider: "azure-ad", status: status,
            body:
                #"{"error":"\#(error)","error_description":"AADSTS\#(number): made up.\r\nTrace ID: 1","error_codes":[\#(number)],"trace_id":"1"}"#,
            remedy: remedy)
    }

    private static func salesforce(_ error: String, _ text: String, _ remedy: OAuthError.Remedy) -> Trouble {
        Trouble(
            provider: "salesforce", status: 400,
            body: #"{"error":"\#(error)","error_description":"\#(text)"}"#, remedy: remedy)
    }

    private static func plain(
        _ provider: String, _ error: String, _ remedy: OAuthError.Remedy, status: Int = 400
    ) -> Trouble {
        Trouble(provider: provider, status: status, body: #"{"error":"\#(error)"}"#, remedy: remedy)
    }

    static let troubles = [
        azure(50173, "invalid_grant", .reauthorize), azure(700082, "invalid_grant", .reauthorize),
        azure(700084, "invalid_grant", .reauthorize), azure(50076, "invalid_grant", .stepUp),
        azure(50076, "interaction_required", .stepUp), azure(53003, "invalid_grant", .stepUp),
        azure(65001, "invalid_grant", .stepUp), azure(7000222, "invalid_client", .administrator, status: 401),
        azure(7000215, "invalid_client", .administrator, status: 401),
        azure(700016, "unauthorized_client", .administrator), azure(50057, "invalid_grant", .administrator),
        azure(50105, "invalid_grant", .administrator), azure(90094, "invalid_grant", .administrator),
        azure(500011, "invalid_resource", .administrator), azure(90033, "temporarily_unavailable", .retry, status: 503),
        azure(50196, "invalid_grant", .retry),
        plain("github", "bad_refresh_token", .reauthorize, status: 200),
        plain("github", "incorrect_client_credentials", .administrator, status: 200),
        plain("github", "redirect_uri_mismatch", .administrator, status: 200),
        plain("github", "unverified_user_email", .reauthorize, status: 200),
        plain("dropbox", "invalid_grant", .reauthorize), plain("dropbox", "invalid_client", .administrator),
        salesforce("invalid_grant", "expired access/refresh token", .reauthorize),
        salesforce("invalid_grant", "authentication failure", .reauthorize),
        salesforce("invalid_grant", "expired authorization code", .retry),
        salesforce("invalid_grant", "inactive user", .administrator),
        salesforce("invalid_grant", "IP restricted or invalid login hours", .administrator),
        salesforce("invalid_grant", "user hasn't approved this consumer", .administrator),
        salesforce("invalid_client", "invalid client credentials", .administrator),
        salesforce("invalid_client_id", "client identifier invalid", .administrator),
        salesforce("inactive_user", "", .administrator), salesforce("login_rate_exceeded", "", .retry),
    ]

    @Test(
        "An error of the provider falls on whoever can mend it, and costs no grant that it need not",
        arguments: troubles)
    func error(trouble: Trouble) async throws {
        let sample = try #require(Self.samples.first { $0.provider == trouble.provider })
        _ = try await connect(sample)
        broker.exchange.expect(.json(trouble.body, status: trouble.status)) { $0.url.string == sample.token }
        let result = try? await broker.core.credentials.refresh(
            TestBroker.connection, for: broker.admin, rejected: nil)
        #expect(result == nil || ![.reauthorize, .stepUp].contains(trouble.remedy))
        let grant = try await broker.stored().grant
        switch trouble.remedy {
        case .reauthorize: #expect(grant.reauthorization == .revoked)
        case .stepUp: #expect(grant.reauthorization == .stepUp && grant.refresh != nil)
        case .administrator:
            #expect(grant.reauthorization == nil && grant.refresh != nil)
            #expect(try #require(grant.failure).retryAt.since(broker.clock.now) == RefreshPolicy().configurationRetry)
        case .retry:
            #expect(grant.reauthorization == nil && grant.refresh != nil)
            #expect(try #require(grant.failure).retryAt.since(broker.clock.now) < RefreshPolicy().configurationRetry)
        }
    }

    /// Every error that a profile's map names, as its provider would send it.
    static let mapped: [Trouble] = {
        let profiles = (try? ProviderCatalog.load().all) ?? []
        return profiles.filter { profile in samples.contains { $0.provider == profile.name } }.flatMap { profile in
            let byCode = profile.errors.byCode.sorted { $0.key < $1.key }.map { code, remedy in
                plain(profile.name, code, remedy, status: 400)
            }
            return byCode
                + profile.errors.rules.flatMap { rule in
                    let codes: [Int?] = rule.codes.isEmpty ? [nil] : rule.codes.sorted()
                    let texts: [String?] = rule.descriptions.isEmpty ? [nil] : rule.descriptions
                    return codes.flatMap { code in
                        texts.map { text in
                            var members = JSONObject([("error", .string(rule.error ?? "invalid_grant"))])
                            members["suberror"] = rule.suberror.map { .string($0) }
                            members["error_codes"] = code.map { .array([.number(JSONNumber($0))]) }
                            members["error_description"] = text.map { .string("It says: \($0.uppercased()).") }
                            return Trouble(
                                provider: profile.name, status: 400, body: JSONValue.object(members).serialized(),
                                remedy: rule.remedy)
                        }
                    }
                }
        }
    }()

    @Test("Every error that a profile names falls on whom it says, and no rule stands behind another that hides it")
    func everyMappedError() async throws {
        #expect(Self.mapped.count > 100)
        for trouble in Self.mapped {
            let suite = try Self()
            try await suite.error(trouble: trouble)
        }
    }

    // MARK: On behalf of

    @Test("Azure's on-behalf-of: the subject's token is the assertion of a JWT bearer grant")
    func onBehalfOf() async throws {
        try await broker.addClient(
            provider: "azure-ad", fields: ["tenant": "contoso.example"],
            scopes: ["https://graph.microsoft.com/.default"])
        broker.exchange.expect(.token("for-graph", refresh: nil)) { $0.url.path.hasSuffix("/oauth2/v2.0/token") }
        var request = ConnectionRequest()
        request.id = TestBroker.connection
        request.provider = "azure-ad"
        request.grantType = .tokenExchange
        request.secret = .subjectToken(SubjectToken(token: Secret("user-token"), type: SubjectToken.accessTokenType))
        _ = try await broker.core.connections.create(request, by: broker.admin)
        let form = try Parameters(formURLEncoded: try #require(broker.exchange.requests.last).body)
        #expect(form["grant_type"] == GrantType.jwtBearer.rawValue)
        #expect(form["assertion"] == "user-token")
        #expect(form["requested_token_use"] == "on_behalf_of")
        #expect(form["scope"] == "https://graph.microsoft.com/.default")
        #expect(form["subject_token"] == nil)
        #expect(try await broker.accessToken() == "for-graph")
    }

    @Test(
        "Azure's certificates: PS256 with x5t#S256; RS256 with x5t at v1.0; for the token endpoint",
        arguments: [
            ("azure-ad", "PS256", "x5t#S256", RSATestKey.sha256Thumbprint, "/oauth2/v2.0/token"),
            ("azure-ad-v1", "RS256", "x5t", RSATestKey.sha1Thumbprint, "/oauth2/token"),
        ])
    func certificate(provider: String, algorithm: String, header: String, thumbprint: String, path: String)
        async throws
    {
        var fields = ["tenant": "contoso.example"]
        if provider == "azure-ad-v1" { fields["resource"] = "https://api.example/" }
        try await broker.addClient(provider: provider, fields: fields, scopes: ["api://x/.default"], secret: nil) {
            $0.secret = .key(RSATestKey.file)
            $0.grantTypes = [.clientCredentials]
        }
        broker.exchange.expect(.token("app-only", refresh: nil)) { $0.url.path.hasSuffix(path) }
        var request = ConnectionRequest()
        request.id = TestBroker.connection
        request.provider = provider
        _ = try await broker.core.connections.create(request, by: broker.admin)
        let form = try Parameters(formURLEncoded: try #require(broker.exchange.requests.last).body)
        #expect(form["client_id"] == nil || form["client_id"] == "our-id")
        #expect(form["client_secret"] == nil)
        let assertion = try #require(form["client_assertion"])
        let head = try #require(Data(base64URL: String(assertion.split(separator: ".")[0])))
        let fieldsOfHead = try #require(try JSONSerialization.jsonObject(with: head) as? [String: Any])
        #expect(fieldsOfHead["alg"] as? String == algorithm)
        #expect(fieldsOfHead[header] as? String == thumbprint)
        let claims = try #require(IDToken.unverifiedClaims(Secret(assertion)))
        #expect(claims["aud"] == .string("https://login.microsoftonline.com/contoso.example\(path)"))
        #expect(claims["iss"] == .string("our-id") && claims["sub"] == .string("our-id"))
    }
}

extension Data {
    fileprivate init?(base64URL text: String) {
        let plain = text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
        self.init(base64Encoded: String(plain) + String(repeating: "=", count: (4 - text.count % 4) % 4))
    }
}
