import HTTPTypes
import OAuth

/// The answers of all endpoints that a client speaks to. Each input is put to all of them: what one sends another may.
extension Findings {
    private static let longest = Int(Int32.max)
    private static let dates = 0...253_402_300_799

    /// A provider that does everything differently.
    private static let odd: Dialect = {
        var dialect = Dialect()
        dialect.acceptsFormResponse = true
        dialect.responseScopeSeparators = [",", " "]
        dialect.defaultTokenType = "token"
        dialect.tokenTypeAliases = ["user"]
        dialect.responseRoot = "data"
        dialect.memberPaths = ["access_token": "tokens.0.value", "expires_in": "ttl"]
        return dialect
    }()

    mutating func checkAnswer(_ response: EndpointResponse) {
        checkJSON(response.body)
        _ = checkForm(response.body)
        expectHidden(response, "an answer")
        checkToken(response, Dialect(), .bearer)
        checkToken(response, Self.odd, [.dpop, .notApplicable])
        checkDevice(response)
        checkPolling(response)
        checkIntrospection(response)
        checkPushed(response)
        checkRegistration(response)
        checkUserInfo(response)
        checkRevocation(response)
        let code = judgedTwice("the error's code") { OAuthError.code(in: response) }
        if let code { check(OAuthError(code: code), "the error's code") }
        // A line break at the end is of no meaning, whatever the body is.
        var longer = response
        longer.body.append(0x0A)
        expect(OAuthError.code(in: longer) == code, "a line break makes another error")
        expect(
            TokenResponse.judge(longer, dialect: Dialect()) == TokenResponse.judge(response, dialect: Dialect()),
            "a line break makes another answer")
    }

    private static func isSuccess(_ status: Int) -> Bool { (200..<300).contains(status) && status != 206 }

    private static func isPassing(_ status: Int) -> Bool {
        status == 408 || status == 429 || (500..<600).contains(status)
    }

    /// What no endpoint may take for a success: a bad status, and, where nothing says otherwise, an error.
    private mutating func expectSuccess(_ response: EndpointResponse, _ what: String, isStandard: Bool = true) {
        expect(Self.isSuccess(response.status), "\(what): a success with status \(response.status)")
        expect(!isStandard || OAuthError.code(in: response) == nil, "\(what): a success that is an error")
    }

    private mutating func expectPassing(_ status: Int, _ what: String) {
        expect(Self.isPassing(status), "\(what): \(status) taken for one that passes")
    }

    // MARK: Token endpoint

    private mutating func checkToken(_ response: EndpointResponse, _ dialect: Dialect, _ types: TokenTypes) {
        let verdict = judgedTwice("a token") { TokenResponse.judge(response, dialect: dialect, accepting: types) }
        switch verdict {
        case .granted(let token):
            expectSuccess(response, "a token", isStandard: dialect == Dialect())
            expectHidden(verdict, "a token", but: token.additional.names)
            expectHidden(token.warnings, "a token's warnings")
            expectVisible(token.accessToken.reveal(), upTo: 65_536, "an access token")
            expectVisible(token.refreshToken?.reveal(), upTo: 65_536, "a refresh token")
            expectVisible(token.idToken?.reveal(), upTo: 65_536, "an ID token", mayBeEmpty: true)
            expect(["Bearer", "DPoP", "N_A", dialect.defaultTokenType].contains(token.tokenType), "a token's type")
            expect(token.tokenType != "DPoP" || types.isSuperset(of: .dpop), "a DPoP token without a proof")
            expect(token.expiresIn, in: 1...Self.longest, "expires_in")
            expect(token.refreshTokenExpiresIn, in: 1...Self.longest, "refresh_token_expires_in")
            expect(token.expiresAt, in: 1...Self.dates.upperBound, "expires_at")
            expect(token.expiresIn == nil || token.expiresAt == nil, "a token with two lifetimes")
            expect(
                token.scope?.allSatisfy { scope in
                    !scope.isEmpty && !scope.contains(where: dialect.responseScopeSeparators.contains)
                } ?? true, "a scope that is none")
            expect(token.additional["refresh_token"] == nil, "a token among the other members")
        case .refused(let error):
            check(error, "a token")
            expectHidden(verdict, "a token", but: error.shown)
        case .malformed(_, let status):
            expect(status == response.status, "a token: another status")
            expectHidden(verdict, "a token")
        case .unavailable(let status, let retryAfter):
            expectPassing(status, "a token")
            expectHidden(verdict, "a token")
            check(retryAfter)
        }
    }

    mutating func check(_ retryAfter: RetryAfter?) {
        switch retryAfter {
        case nil: break
        case .seconds(let seconds)?: expect(seconds, in: 0...9_999_999_999, "Retry-After")
        // A leap second may be the last.
        case .date(let epochSeconds)?: expect(epochSeconds, in: 0...253_402_300_800, "Retry-After")
        }
    }

    // MARK: Device authorization

    private mutating func checkDevice(_ response: EndpointResponse) {
        for allowHTTP in [false, true] {
            let verdict = judgedTwice("a device") { DeviceAuthorization.judge(response, allowHTTP: allowHTTP) }
            switch verdict {
            case .issued(let device):
                expectSuccess(response, "a device")
                expectHidden(verdict, "a device", but: [device.verificationURI])
                expectVisible(device.deviceCode.reveal(), upTo: 8192, "a device code")
                expect(
                    (1...128).contains(device.userCode.utf8.count)
                        && !device.userCode.unicodeScalars.contains {
                            [.control, .format].contains($0.properties.generalCategory)
                        }, "a user code")
                for address in [device.verificationURI, device.verificationURIComplete].compactMap({ $0 }) {
                    expect(
                        address.utf8.count <= 2048
                            && (address.lowercased().hasPrefix("https://")
                                || (allowHTTP && address.lowercased().hasPrefix("http://"))),
                        "an address for people")
                }
                expect(device.expiresIn, in: 1...86_400, "a device's expires_in")
                expect(device.interval, in: 1...Self.longest, "a device's interval")
            case .refused(let error):
                check(error, "a device")
                expectHidden(verdict, "a device", but: error.shown)
            case .malformed: expectHidden(verdict, "a device")
            case .unavailable(let status, let retryAfter):
                expectPassing(status, "a device")
                check(retryAfter)
            }
        }
    }

    /// Polling never becomes faster, and never goes beyond the end (RFC 8628 §3.5).
    private mutating func checkPolling(_ response: EndpointResponse) {
        let now: Int64 = 1_700_000_000
        for (interval, lifetime) in [(5, 900), (1, 3)] as [(Int, Int64)] {
            var polling = DevicePolling(interval: interval, expiresAt: now + lifetime)
            var other = polling
            let step = polling.answered(response, dialect: Dialect(), now: now)
            let again = other.answered(response, dialect: Dialect(), now: now)
            expect(step == again && polling == other, "polling: another step the second time")
            expect(
                (interval...max(interval + 5, 3600)).contains(polling.interval),
                "polling: from \(interval) to \(polling.interval)")
            switch step {
            case .granted: expect(Self.isSuccess(response.status), "polling: granted with \(response.status)")
            case .wait(let seconds): expect(seconds, in: 1...Int(lifetime), "polling: the wait")
            case .ended(let code): expect(!code.isEmpty, "polling: it ends without a code")
            }
        }
    }

    // MARK: Others

    private mutating func checkIntrospection(_ response: EndpointResponse) {
        let verdict = judgedTwice("introspection") { Introspection.judge(response) }
        switch verdict {
        case .active(let token):
            expectSuccess(response, "introspection")
            expectHidden(verdict, "introspection", but: token.all.names)
            expect(token.all["active"] == .bool(true), "introspection: active without saying so")
            for date in [token.expiresAt, token.issuedAt, token.notBefore] { expect(date, in: Self.dates, "a date") }
        case .inactive: expectSuccess(response, "introspection")
        case .refused(let error):
            check(error, "introspection")
            expectHidden(verdict, "introspection", but: error.shown)
        case .malformed: expectHidden(verdict, "introspection")
        case .unavailable(let status, let retryAfter):
            expectPassing(status, "introspection")
            check(retryAfter)
        }
    }

    private mutating func checkPushed(_ response: EndpointResponse) {
        let verdict = judgedTwice("a pushed request") { PushedAuthorizationRequest.judge(response) }
        switch verdict {
        case .accepted(let requestURI, let expiresIn):
            expectSuccess(response, "a pushed request")
            expectVisible(requestURI, upTo: 2048, "request_uri")
            expect(!requestURI.contains(" ") && requestURI.contains(":"), "request_uri is no URI")
            expect(expiresIn, in: 1...Self.longest, "a pushed request's expires_in")
            expectHidden(verdict, "a pushed request", but: [requestURI])
        case .refused(let error):
            check(error, "a pushed request")
            expectHidden(verdict, "a pushed request", but: error.shown)
        case .malformed: expectHidden(verdict, "a pushed request")
        case .unavailable(let status, let retryAfter):
            expectPassing(status, "a pushed request")
            check(retryAfter)
        }
    }

    private mutating func checkRegistration(_ response: EndpointResponse) {
        let verdict = judgedTwice("a registration") { ClientRegistration.judge(response) }
        switch verdict {
        case .registered(let client):
            expectSuccess(response, "a registration")
            expectVisible(client.clientID, upTo: 1024, "client_id")
            expectVisible(client.clientSecret?.reveal(), upTo: 8192, "client_secret")
            expectVisible(client.registrationAccessToken?.reveal(), upTo: 8192, "registration_access_token")
            expect(client.clientSecretExpiresAt, in: 1...Self.dates.upperBound, "client_secret_expires_at")
            expect(
                client.tokenEndpointAuthMethod?.hasPrefix("client_secret_") != true || client.clientSecret != nil,
                "a client that has to have a secret and has none")
            let texts = [client.redirectURIs, client.grantTypes, client.scope].compactMap { $0 }.joined()
            expectHidden(
                verdict, "a registration",
                but: texts
                    + [client.clientID, client.tokenEndpointAuthMethod ?? ""]
                    + [client.registrationClientURI?.description ?? ""])
        case .refused(let error):
            check(error, "a registration")
            expectHidden(verdict, "a registration", but: error.shown)
        case .malformed: expectHidden(verdict, "a registration")
        case .unavailable(let status): expectPassing(status, "a registration")
        }
    }

    private mutating func checkUserInfo(_ response: EndpointResponse) {
        for expectsSubject in [true, false] {
            let verdict = judgedTwice("claims") { UserInfo.judge(response, expectsSubject: expectsSubject) }
            switch verdict {
            case .claims(let members, let subject):
                expect(Self.isSuccess(response.status), "claims with status \(response.status)")
                expect(subject != nil || !expectsSubject, "claims of nobody")
                expect(subject?.utf8.count, in: 1...255, "the length of a subject")
                expectHidden(verdict, "claims", but: members.names + [subject ?? ""])
            case .refused(let refusal): check(refusal)
            case .malformed: expectHidden(verdict, "claims")
            case .unavailable(let status): expectPassing(status, "claims")
            }
        }
    }

    mutating func check(_ refusal: UserInfo.Refusal) {
        expect([400, 401, 403].contains(refusal.status), "a refusal with status \(refusal.status)")
        expect(refusal.status != 400 || !refusal.challenges.isEmpty, "a refusal that does not say why")
        if let error = refusal.error { check(error, "a refusal") }
        let names = refusal.challenges.flatMap { [$0.scheme] + $0.parameters.keys }
        expectHidden(refusal, "a refusal", but: names + (refusal.error?.shown ?? []))
    }

    private mutating func checkRevocation(_ response: EndpointResponse) {
        switch judgedTwice("a revocation", { Revocation.judge(response) }) {
        case .revoked: expect((200..<300).contains(response.status), "revoked with status \(response.status)")
        case .refused(let error): check(error, "a revocation")
        case .unavailable(let status): expect(status == response.status, "a revocation: another status")
        }
    }
}
