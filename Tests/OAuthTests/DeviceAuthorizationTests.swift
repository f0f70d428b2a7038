import HTTPTypes
import Testing

@testable import OAuth

@Suite("Device authorization")
struct DeviceAuthorizationTests {
    static func judge(_ members: String, allowHTTP: Bool = false) -> DeviceAuthorization.Verdict {
        DeviceAuthorization.judge(EndpointResponse(200, "application/json", "{\(members)}"), allowHTTP: allowHTTP)
    }

    static let least = #""device_code":"d","user_code":"u","verification_uri":"https://as.example/d","expires_in":300"#

    static func issued(_ members: String = least, allowHTTP: Bool = false) throws -> DeviceAuthorization {
        guard case .issued(let device) = judge(members, allowHTTP: allowHTTP) else {
            throw Unexpected(verdict: judge(members, allowHTTP: allowHTTP))
        }
        return device
    }

    struct Unexpected: Error { let verdict: DeviceAuthorization.Verdict }

    static func isMalformed(_ verdict: DeviceAuthorization.Verdict) -> Bool {
        if case .malformed = verdict { true } else { false }
    }

    static func with(_ name: String, _ value: String?) -> String {
        let members = try? JSONReader.read(Array("{\(least)}".utf8))
        guard case .object(var object)? = members else { return "" }
        object[name] = value.flatMap { try? json($0) }
        return String(JSONValue.object(object).serialized().dropFirst().dropLast())
    }

    @Test("RFC 8628 §3.1: its example; a public client says who it is")
    func request() throws {
        let request = DeviceAuthorization.request(
            at: try endpoint("https://server.example.com/device_authorization"),
            client: Client(id: "1406020730", authentication: .none), scope: ["example_scope"], dialect: Dialect(),
            freshness: Freshness(now: 0, jti: "j"))
        #expect(request.method == .post)
        #expect(String(decoding: request.body, as: UTF8.self) == "client_id=1406020730&scope=example_scope")
        #expect(request.headerFields[.contentType] == "application/x-www-form-urlencoded")
    }

    @Test("RFC 8628 §3.1: whoever authenticates says who it is besides; scopes and resources go along")
    func authenticated() throws {
        var dialect = Dialect()
        dialect.scopeSeparator = ","
        let request = DeviceAuthorization.request(
            at: try endpoint(), client: Client(id: "c", authentication: .clientSecretBasic(Secret("s"))),
            scope: ["a", "b"], resource: ["https://r.example/1", "https://r.example/2"], dialect: dialect,
            freshness: Freshness(now: 0, jti: "j"))
        #expect(request.headerFields[.authorization] == "Basic Yzpz")
        #expect(
            try Parameters(bodyOf: request)
                == Parameters([
                    ("client_id", "c"), ("scope", "a,b"), ("resource", "https://r.example/1"),
                    ("resource", "https://r.example/2"),
                ]))
    }

    @Test("RFC 8628 §3.2: its example is issued whole")
    func example() throws {
        let device = try Self.issued(
            #""device_code":"GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS","user_code":"WDJB-MJHT","#
                + #""verification_uri":"https://example.com/device","#
                + #""verification_uri_complete":"https://example.com/device?user_code=WDJB-MJHT","#
                + #""expires_in":1800,"interval":5"#)
        #expect(
            device
                == DeviceAuthorization(
                    deviceCode: Secret("GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS"), userCode: "WDJB-MJHT",
                    verificationURI: "https://example.com/device",
                    verificationURIComplete: "https://example.com/device?user_code=WDJB-MJHT", expiresIn: 1800,
                    interval: 5))
    }

    @Test(
        "RFC 8628 §3.2: what is missing or of another form is malformed",
        arguments: [
            ("device_code", nil), ("device_code", #""""#), ("device_code", "7"), ("device_code", #""a\u0000""#),
            ("user_code", nil), ("user_code", #""""#), ("user_code", "7"), ("user_code", #""a\u001bb""#),
            ("user_code", #""a\u202eb""#), ("verification_uri", nil), ("verification_uri", "null"),
            ("verification_uri", #""http://as.example/d""#), ("verification_uri", #""javascript:alert(1)""#),
            ("verification_uri", #""/d""#), ("verification_uri", #""https://a@as.example/""#),
            ("verification_uri", #""https://as.example\\@evil.example/""#), ("expires_in", nil),
            ("expires_in", "0"), ("expires_in", "-1"), ("expires_in", #""soon""#), ("expires_in", "1e99"),
        ])
    func malformed(_ name: String, _ value: String?) {
        #expect(Self.isMalformed(Self.judge(Self.with(name, value))))
    }

    @Test("A user's code of other scripts is one")
    func userCode() throws { #expect(try Self.issued(Self.with("user_code", #""ÄÖ-12""#)).userCode == "ÄÖ-12") }

    @Test(
        "RFC 8628 §3.2: five seconds where nothing usable is said of the interval",
        arguments: [
            (nil, 5), ("null", 5), ("0", 5), ("-3", 5), (#""x""#, 5), ("1", 1), ("7.9", 7), (#""10""#, 10),
        ])
    func interval(_ value: String?, _ seconds: Int) throws {
        #expect(try Self.issued(Self.with("interval", value)).interval == seconds)
    }

    @Test("A lifetime is read from a number or its text, and is a day at most")
    func lifetime() throws {
        #expect(try Self.issued(Self.with("expires_in", #""300""#)).expiresIn == 300)
        #expect(try Self.issued(Self.with("expires_in", "86401")).expiresIn == 86_400)
    }

    @Test("verification_url counts where verification_uri does not stand")
    func misspelt() throws {
        let other = #","verification_url":"https://www.example/device""#
        #expect(try Self.issued(Self.least + other).verificationURI == "https://as.example/d")
        #expect(
            try Self.issued(Self.with("verification_uri", nil) + other).verificationURI
                == "https://www.example/device")
        #expect(
            try Self.issued(Self.with("verification_uri", "null") + other).verificationURI
                == "https://www.example/device")
    }

    @Test(
        "A complete address that nobody may be sent to is left out",
        arguments: ["http://as.example/d", "javascript:x", "7"])
    func complete(_ address: String) throws {
        #expect(
            try Self.issued(Self.with("verification_uri_complete", #""\#(address)""#)).verificationURIComplete == nil)
        #expect(try Self.issued(Self.with("verification_uri_complete", "7")).verificationURIComplete == nil)
    }

    @Test("People's addresses may have a fragment, and nothing hides behind it")
    func fragment() throws {
        let address = "https://as.example/app#/device?x=1"
        #expect(try Self.issued(Self.with("verification_uri", "\"\(address)\"")).verificationURI == address)
        for address in ["https://as.example#\u{22}", "https://as.example/#a#b", "https://#a"] {
            let value = JSONValue.string(address).serialized()
            #expect(Self.isMalformed(Self.judge(Self.with("verification_uri", value))))
        }
    }

    @Test("http is for this machine alone, and for development")
    func http() throws {
        let local = Self.with("verification_uri", #""http://127.0.0.1:9/d""#)
        #expect(Self.isMalformed(Self.judge(local)))
        #expect(try Self.issued(local, allowHTTP: true).verificationURI == "http://127.0.0.1:9/d")
        let afar = Self.with("verification_uri", #""http://as.example/d""#)
        #expect(Self.isMalformed(Self.judge(afar, allowHTTP: true)))
    }

    @Test("A form is read where the type says form")
    func form() {
        let body = "device_code=d&user_code=u&verification_uri=https%3A%2F%2Fas.example%2Fd&expires_in=899&interval=5"
        func judge(_ type: String) -> DeviceAuthorization.Verdict {
            DeviceAuthorization.judge(EndpointResponse(200, type, body), allowHTTP: false)
        }
        guard case .issued(let device) = judge("application/x-www-form-urlencoded") else {
            Issue.record("not issued")
            return
        }
        #expect(device.expiresIn == 899)
        #expect(Self.isMalformed(judge("text/plain")))
    }

    @Test("RFC 8628 §3.2, RFC 6749 §5.2: an error is an error, what passes passes, the rest is malformed")
    func others() {
        func judge(_ status: Int, _ body: String) -> DeviceAuthorization.Verdict {
            DeviceAuthorization.judge(EndpointResponse(status, nil, body), allowHTTP: false)
        }
        for status in [200, 400, 401, 403] {
            #expect(
                judge(status, #"{"error":"unauthorized_client"}"#) == .refused(OAuthError(code: "unauthorized_client")))
        }
        #expect(
            DeviceAuthorization.judge(
                EndpointResponse(status: 503, headerFields: [.retryAfter: "7"]), allowHTTP: false)
                == .unavailable(status: 503, retryAfter: .seconds(7)))
        #expect(judge(429, #"{"error":"slow_down"}"#) == .unavailable(status: 429, retryAfter: nil))
        for (status, body) in [
            (200, ""), (200, "<html>"), (200, "[]"), (302, ""), (404, "{}"), (206, "{\(Self.least)}"),
        ] {
            #expect(Self.isMalformed(judge(status, body)))
        }
    }

    @Test("Neither code is printed")
    func printing() throws {
        let device = try Self.issued(
            Self.with("verification_uri_complete", #""https://as.example/d?c=s3cr3t""#).replacing(
                #""d""#, with: #""s3cr3t""#
            ).replacing(#""u""#, with: #""s3cr3t""#))
        #expect(device.deviceCode.reveal() == "s3cr3t")
        #expect(device.userCode == "s3cr3t")
        #expect(!printed(device).contains("s3cr3t"))
        #expect(!printed(DeviceAuthorization.Verdict.issued(device)).contains("s3cr3t"))
    }
}

@Suite("Polling for the token of a device authorization")
struct DevicePollingTests {
    static func poll(
        _ polling: inout DevicePolling, _ code: String, _ status: Int = 400, more: String = "",
        retryAfter: String? = nil,
        now: Int64 = 0
    ) -> DevicePolling.Step {
        var response = EndpointResponse(status, "application/json", #"{"error":"\#(code)"\#(more)}"#)
        if let retryAfter { response.headerFields[.retryAfter] = retryAfter }
        return polling.answered(response, dialect: Dialect(), now: now)
    }

    @Test("RFC 8628 §3.5: the first poll comes after one interval")
    func first() {
        #expect(DevicePolling(interval: 7, expiresAt: 100).start(now: 0) == .wait(seconds: 7))
        #expect(DevicePolling(interval: 0, expiresAt: 100).start(now: 0) == .wait(seconds: 1))
    }

    @Test("RFC 8628 §3.5: pending waits an interval, whatever the status", arguments: [200, 400, 403, 428, 429, 500])
    func pending(_ status: Int) {
        var polling = DevicePolling(interval: 5, expiresAt: 1000)
        for _ in 0..<3 { #expect(Self.poll(&polling, "authorization_pending", status) == .wait(seconds: 5)) }
        #expect(polling.interval == 5)
    }

    @Test("F23: slow_down adds five seconds, for this poll and all that follow", arguments: [200, 400, 403, 429])
    func slowDown(_ status: Int) {
        var polling = DevicePolling(interval: 5, expiresAt: 1000)
        #expect(Self.poll(&polling, "slow_down", status) == .wait(seconds: 10))
        #expect(Self.poll(&polling, "authorization_pending") == .wait(seconds: 10))
        #expect(Self.poll(&polling, "slow_down", status) == .wait(seconds: 15))
        #expect(polling.interval == 15)
    }

    @Test("slow_down may name a longer interval, an hour at most, never a shorter")
    func namedInterval() {
        var polling = DevicePolling(interval: 5, expiresAt: 100_000)
        #expect(Self.poll(&polling, "slow_down", more: #","interval":3"#) == .wait(seconds: 10))
        #expect(Self.poll(&polling, "slow_down", more: #","interval":"30""#) == .wait(seconds: 30))
        #expect(Self.poll(&polling, "slow_down", more: #","interval":99999"#) == .wait(seconds: 3600))
    }

    @Test("RFC 9110 §10.2.3: a Retry-After that is longer is waited for, and is for once")
    func retryAfter() {
        var polling = DevicePolling(interval: 5, expiresAt: 2_000_000_000)
        #expect(Self.poll(&polling, "authorization_pending", retryAfter: "9") == .wait(seconds: 9))
        #expect(Self.poll(&polling, "authorization_pending", retryAfter: "2") == .wait(seconds: 5))
        #expect(Self.poll(&polling, "authorization_pending", retryAfter: "invalid") == .wait(seconds: 5))
        #expect(Self.poll(&polling, "slow_down", retryAfter: "60") == .wait(seconds: 60))
        let date = "Sun, 06 Nov 1994 08:49:37 GMT"
        #expect(
            Self.poll(&polling, "authorization_pending", retryAfter: date, now: 784_111_747) == .wait(seconds: 30))
        #expect(
            Self.poll(&polling, "authorization_pending", retryAfter: date, now: 784_111_777) == .wait(seconds: 10))
    }

    @Test("RFC 8628 §3.5: without an answer it polls half as often, down to once a minute")
    func backOff() {
        var polling = DevicePolling(interval: 5, expiresAt: 1000)
        #expect((0..<6).map { _ in polling.failed(now: 0) } == [10, 20, 40, 60, 60, 60].map { .wait(seconds: $0) })
        var slow = DevicePolling(interval: 90, expiresAt: 1000)
        #expect(slow.failed(now: 0) == .wait(seconds: 90))
    }

    @Test("What passes is backed off from as well, and its Retry-After waited for", arguments: [408, 429, 500, 503])
    func unavailable(_ status: Int) {
        var polling = DevicePolling(interval: 5, expiresAt: 1000)
        #expect(
            polling.answered(EndpointResponse(status, nil, "<html>"), dialect: Dialect(), now: 0) == .wait(seconds: 10))
        #expect(Self.poll(&polling, "temporarily_unavailable", status, retryAfter: "50") == .wait(seconds: 50))
        #expect(polling.interval == 20)
    }

    @Test(
        "F23: any other error ends it, whatever the status",
        arguments: [
            "expired_token", "access_denied", "invalid_grant", "invalid_client", "what_is_this", "use_dpop_nonce",
        ])
    func errors(_ code: String) {
        var polling = DevicePolling(interval: 5, expiresAt: 1000)
        for status in [200, 400, 401] { #expect(Self.poll(&polling, code, status) == .ended(code: code)) }
    }

    @Test("An error that blames somebody ends it though the status says that it passes")
    func blamingError() {
        var polling = DevicePolling(interval: 5, expiresAt: 1000)
        #expect(Self.poll(&polling, "access_denied", 500) == .ended(code: "access_denied"))
    }

    @Test(
        "An answer that cannot be read ends it", arguments: [(200, "{}"), (200, "<html>"), (400, "<html>"), (302, "")])
    func malformed(_ status: Int, _ body: String) {
        var polling = DevicePolling(interval: 5, expiresAt: 1000)
        #expect(
            polling.answered(EndpointResponse(status, nil, body), dialect: Dialect(), now: 0)
                == .ended(code: "malformed_answer"))
    }

    @Test("Forms count as the dialect says")
    func forms() {
        var dialect = Dialect()
        dialect.acceptsFormResponse = true
        var polling = DevicePolling(interval: 5, expiresAt: 1000)
        let pending = EndpointResponse(200, "text/html", "error=slow_down&interval=12")
        #expect(polling.answered(pending, dialect: dialect, now: 0) == .wait(seconds: 12))
    }

    @Test("A token ends it, of the types that are accepted")
    func granted() {
        var polling = DevicePolling(interval: 5, expiresAt: 1000)
        let body = #"{"access_token":"dev","token_type":"DPoP"}"#
        let response = EndpointResponse(200, nil, body)
        #expect(polling.answered(response, dialect: Dialect(), now: 0) == .ended(code: "malformed_answer"))
        guard case .granted(let token) = polling.answered(response, dialect: Dialect(), accepting: .dpop, now: 0) else {
            Issue.record("not granted")
            return
        }
        #expect(token.accessToken.reveal() == "dev")
    }

    @Test("A token counts though it comes late")
    func late() {
        var polling = DevicePolling(interval: 5, expiresAt: 10)
        let response = EndpointResponse(200, nil, #"{"access_token":"dev","token_type":"Bearer"}"#)
        guard case .granted = polling.answered(response, dialect: Dialect(), now: 11) else {
            Issue.record("not granted")
            return
        }
    }

    @Test("F23: it expires by itself, and no wait is longer than that")
    func expiry() {
        var polling = DevicePolling(interval: 5, expiresAt: 100)
        #expect(Self.poll(&polling, "authorization_pending", now: 97) == .wait(seconds: 3))
        #expect(Self.poll(&polling, "slow_down", now: 99) == .wait(seconds: 1))
        #expect(polling.failed(now: 98) == .wait(seconds: 2))
        for now: Int64 in [100, 101, .max] {
            #expect(polling.start(now: now) == .ended(code: "expired_token"))
            #expect(Self.poll(&polling, "authorization_pending", now: now) == .ended(code: "expired_token"))
            #expect(polling.failed(now: now) == .ended(code: "expired_token"))
        }
    }
}
