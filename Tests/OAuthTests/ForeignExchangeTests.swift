import HTTPTypes
import Testing

@testable import OAuth

/// The shared cases of the exchanges beside the token endpoint's.
@Suite("The exchanges of the shared cases are judged as the cases say")
struct ForeignExchangeTests {
    static func cases(_ kind: String) -> [ForeignCase] { ForeignCase.all(of: [kind]) }

    /// Whether the outcome is one in which the exchange goes on.
    static func goesOn(_ foreign: ForeignCase) -> Bool {
        ["ok", "pending", "token"].contains(foreign.expectation["outcome"]?.text)
    }

    @Test("All kinds are there", .enabled(if: Shared.hasCases, "the shared cases are not here"))
    func all() {
        let least = [
            "device-authorization": 10, "device-poll": 8, "par": 8, "introspection": 8, "www-authenticate": 19,
            "discovery": 26, "authorization-response": 20, "rfc9207-iss": 7,
        ]
        for (kind, count) in least { #expect(Self.cases(kind).count >= count, "\(kind)") }
    }

    @Test(
        "RFC 8628 §3.2: device authorizations", .enabled(if: Shared.hasCases, "the shared cases are not here"),
        arguments: cases("device-authorization"))
    func deviceAuthorization(_ foreign: ForeignCase) throws {
        let verdict = DeviceAuthorization.judge(try #require(foreign.answers?.last), allowHTTP: true)
        let expected = foreign.expectation
        switch (expected["outcome"]?.text, verdict) {
        case ("pending", .issued(let device)):
            if let code = expected["user_code"]?.text { #expect(device.userCode == code) }
            if let address = expected["verification_uri"]?.text { #expect(device.verificationURI == address) }
            if let lifetime = expected["expires_in"]?.int { #expect(device.expiresIn == lifetime) }
            if let interval = expected["interval"]?.int { #expect(device.interval == interval) }
        case ("reject", .malformed): break
        case ("reject", .unavailable) where expected["error_class"]?.text == "transient": break
        case ("error", .refused(let error)): #expect(error.code == expected["error"]?.text)
        default: Issue.record("judged \(verdict)")
        }
    }

    @Test(
        "RFC 8628 §3.5: polls, by a clock that is not there",
        .enabled(if: Shared.hasCases, "the shared cases are not here"), arguments: cases("device-poll"))
    func devicePoll(_ foreign: ForeignCase) throws {
        let answers = try #require(foreign.answers)
        let setup = foreign.context["setup_device"]?.members
        let lifetime = setup?["expires_in"]?.int ?? 300
        var polling = DevicePolling(interval: setup?["interval"]?.int ?? 1, expiresAt: Int64(lifetime))
        var now: Int64 = 0
        var polls: [Int64] = []
        var step = polling.start(now: now)
        while case .wait(let seconds) = step {
            now += Int64(seconds)
            step = polling.start(now: now)
            guard case .wait = step else { break }
            step = polling.answered(
                answers[min(polls.count, answers.count - 1)], dialect: Dialect(),
                accepting: foreign.profile["dpop"] == .bool(true) ? .dpop : .bearer, now: now)
            polls.append(now)
        }
        #expect(polls.first.map { $0 >= 1 } != false)
        let gaps = zip(polls, polls.dropFirst()).map { ($1 - $0) * 1000 }
        if let least = foreign.expectation["min_gap_ms"]?.int { #expect(gaps.allSatisfy { $0 >= least }) }
        if let most = foreign.expectation["max_hits"]?.int { #expect(polls.count <= most) }
        switch (foreign.expectation["outcome"]?.text, step) {
        case ("token", .granted(let token)):
            #expect(token.accessToken.reveal() == foreign.expectation["access_token"]?.text)
        case ("error", .ended(let code)): #expect(code == foreign.expectation["error"]?.text)
        case ("reject", .ended): break
        default: Issue.record("ended as \(step)")
        }
    }

    @Test(
        "RFC 9126: pushed requests", .enabled(if: Shared.hasCases, "the shared cases are not here"),
        arguments: cases("par"))
    func pushed(_ foreign: ForeignCase) throws {
        // The last answer is the one that the case is about.
        let verdict = PushedAuthorizationRequest.judge(try #require(foreign.answers?.last))
        switch (foreign.expectation["outcome"]?.text, verdict) {
        case ("ok", .accepted), ("reject", .malformed): break
        case ("reject", .unavailable): #expect(foreign.expectation["error_class"]?.text == "transient")
        case ("error", .refused(let error)): #expect(error.code == foreign.expectation["error"]?.text)
        default: Issue.record("judged \(verdict)")
        }
        if let rule = foreign.context["expect_request"]?.members { try check(rule, foreign) }
        if foreign.context["metadata"]?.members["require_pushed_authorization_requests"] == .bool(true) {
            let body = #"{"issuer":"\#(foreign.issuer)","require_pushed_authorization_requests":true}"#
            let discovered = Discovery.judge(EndpointResponse(200, nil, body), issuer: foreign.issuer, allowHTTP: true)
            guard case .found(let server) = discovered else {
                Issue.record("not found")
                return
            }
            #expect(server.requirePushedAuthorizationRequests)
        }
    }

    private func check(_ rule: JSONObject, _ foreign: ForeignCase) throws {
        let authorization = AuthorizationRequest(
            clientID: foreign.id, redirectURI: "https://x", scope: [], state: Secret("s"), codeChallenge: "c")
        let request = PushedAuthorizationRequest.request(
            authorization, at: try endpoint(), client: Client(id: foreign.id, authentication: .none),
            dialect: Dialect(), freshness: Freshness(now: 0, jti: "j"))
        let form = try Parameters(bodyOf: request)
        for (name, value) in rule["form"]?.members.pairs ?? [] {
            #expect(form[name] == value.text.map { foreign.filled($0) })
        }
        for name in rule["form_present"]?.elements.compactMap(\.text) ?? [] { #expect(form[name] != nil, "\(name)") }
        for name in rule["form_absent"]?.elements.compactMap(\.text) ?? [] { #expect(form[name] == nil, "\(name)") }
    }

    @Test(
        "RFC 7662: introspection", .enabled(if: Shared.hasCases, "the shared cases are not here"),
        arguments: cases("introspection"))
    func introspection(_ foreign: ForeignCase) throws {
        let verdict = Introspection.judge(try #require(foreign.answers?.last))
        switch (foreign.expectation["outcome"]?.text, verdict) {
        case ("ok", .active(let token)):
            #expect(foreign.expectation["active"] == .bool(true))
            if let scope = foreign.expectation["scope"]?.elements { #expect(token.scope == scope.compactMap(\.text)) }
        case ("ok", .inactive): #expect(foreign.expectation["active"] == .bool(false))
        case ("reject", .malformed): break
        case ("reject", .unavailable): #expect(foreign.expectation["error_class"]?.text == "transient")
        case ("error", .refused(let error)): #expect(error.code == foreign.expectation["error"]?.text)
        default: Issue.record("judged \(verdict)")
        }
    }

    @Test(
        "RFC 9110 §11.6.1: challenges, and what brought them is refused",
        .enabled(if: Shared.hasCases, "the shared cases are not here"), arguments: cases("www-authenticate"))
    func challenge(_ foreign: ForeignCase) throws {
        let response = try #require(foreign.answers?.first)
        let challenges = Challenge.read(response.headerFields)
        switch foreign.expectation["challenges"] {
        case nil: break
        case .null?: #expect(challenges == nil)
        case let expected?:
            #expect(
                challenges
                    == expected.elements.map { element in
                        let parameters = element.members["parameters"]?.members.pairs ?? []
                        return ChallengeTests.challenge(
                            element.members["scheme"]?.text ?? "",
                            Dictionary(uniqueKeysWithValues: parameters.map { ($0.0, $0.1.text ?? "") }),
                            token68: element.members["token68"]?.text)
                    })
        }
        guard response.status == 401 else { return }
        #expect(UserInfo.judge(response) == .refused(UserInfo.Refusal(status: 401, challenges: challenges ?? [])))
    }

    @Test(
        "RFC 8414, OpenID Connect Discovery: metadata", .enabled(if: Shared.hasCases, "the shared cases are not here"),
        arguments: cases("discovery"))
    func discovery(_ foreign: ForeignCase) throws {
        let usesOpenID = foreign.context["scope_requested"]?.text?.contains("openid") == true
        let requests = try Discovery.requests(issuer: foreign.issuer, prefersOpenID: usesOpenID, allowHTTP: true)
        if let path = foreign.expectation["requested_path"]?.text {
            #expect(requests[0].url.path == foreign.filled(path))
        }
        let answer = try #require(foreign.answers?.last)
        let verdict = Discovery.judge(answer, issuer: foreign.issuer, allowHTTP: true)
        guard !foreign.endsWell else {
            if case .found = verdict { Issue.record("found in what is only waited for") }
            return
        }
        guard Self.goesOn(foreign) else {
            if case .found(let server) = verdict {
                #expect(server.missingMember(for: .authorizationCode, usesOpenID: usesOpenID) != nil)
            }
            return
        }
        guard case .found(let server) = verdict else {
            Issue.record("judged \(verdict)")
            return
        }
        #expect(server.missingMember(for: .authorizationCode, usesOpenID: usesOpenID) == nil)
        #expect(server.tokenEndpoint?.path == "/c/\(foreign.id)/token")
        if foreign.id == "discovery--endpoint-query-kept" { #expect(server.tokenEndpoint?.query == "tenant=1") }
        if foreign.id == "discovery--mtls-aliases-ignored" {
            #expect(server.forMutualTLS.tokenEndpoint?.string == "https://mtls.example.com/token")
        }
        #expect(server.tokenEndpointAuthSigningAlgValuesSupported?.contains("none") != true)
    }

    /// By ID, what is not for the judge of the answer to say.
    static let elsewhere = [
        "authorization-response--empty-state": "the state is matched before",
        "authorization-response--other-session": "the browser is matched before",
        "authorization-response--post-callback": "the answer is a page that posts",
    ]

    @Test(
        "RFC 6749 §4.1.2, RFC 9207 §2.4: what comes back to the redirection endpoint",
        .enabled(if: Shared.hasCases, "the shared cases are not here"),
        arguments: (cases("authorization-response") + cases("rfc9207-iss")).filter { elsewhere[$0.id] == nil })
    func authorizationResponse(_ foreign: ForeignCase) throws {
        let location = try #require(foreign.answers?.first?.headerFields[.location])
        // A browser keeps the fragment to itself.
        let sent = location.prefix { $0 != "#" }
        let query = sent.firstIndex(of: "?").map { String(sent[sent.index(after: $0)...]) } ?? ""
        let promise = "authorization_response_iss_parameter_supported"
        var server = AuthorizationServer()
        server.issuer = foreign.issuer
        server.authorizationResponseIssParameterSupported =
            foreign.context["metadata"]?.members[promise] == .bool(true)
        guard let parameters = try? Parameters(formURLEncoded: query) else {
            #expect(!Self.goesOn(foreign))
            return
        }
        let verdict = AuthorizationResponse.judge(parameters, server: server, dialect: Dialect())
        switch (foreign.expectation["outcome"]?.text, verdict) {
        case ("token", .code(let code)):
            let wanted = foreign.context["expect_elsewhere"]?.members["token"]?.members["form"]?.members["code"]?.text
            #expect(code.reveal() == wanted ?? "code-\(foreign.id)")
        case ("error", .refused(let error)): #expect(error.code == foreign.expectation["error"]?.text)
        case ("reject", .invalid): break
        default: Issue.record("judged \(verdict)")
        }
    }
}
