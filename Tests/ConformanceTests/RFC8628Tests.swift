import HTTPTypes
import Testing

@testable import OAuth

@Suite("RFC 8628: Device Authorization Grant")
struct RFC8628Tests {
    private func issued(_ more: String, without name: String? = nil) -> DeviceAuthorization? {
        let members = [
            ("device_code", #""d""#), ("user_code", #""U-1""#), ("verification_uri", #""https://as.example/d""#),
            ("expires_in", "300"),
        ]
        let text = members.filter { $0.0 != name }.map { #""\#($0.0)":\#($0.1)"# }.joined(separator: ",")
        let verdict = DeviceAuthorization.judge(answer(200, "{\(text)\(more)}"), allowHTTP: false)
        if case .issued(let device) = verdict { return device } else { return nil }
    }

    private func poll(_ polling: inout DevicePolling, _ code: String, status: Int = 400) -> DevicePolling.Step {
        polling.answered(answer(status, #"{"error":"\#(code)"}"#), dialect: Dialect(), now: Int64(now))
    }

    private func polling(interval: Int = 5) -> DevicePolling {
        DevicePolling(interval: interval, expiresAt: Int64(now + 300))
    }

    @Test("RFC 8628 §3.1: the client posts a form that says who it is")
    func request() throws {
        for client in [publicClient, secretClient] {
            let request = DeviceAuthorization.request(
                at: try url("https://as.example/device"), client: client, scope: ["a"], dialect: Dialect(),
                freshness: fresh)
            #expect(request.method == .post && request.url.query == nil)
            #expect(try form(request)["client_id"] == "client")
        }
    }

    @Test(
        "RFC 8628 §3.2: device_code, user_code, verification_uri and expires_in must be there",
        arguments: ["device_code", "user_code", "verification_uri", "expires_in"])
    func required(name: String) {
        #expect(issued("") != nil)
        #expect(issued("", without: name) == nil)
    }

    @Test("RFC 8628 §3.2: without an interval it is five seconds")
    func usualInterval() {
        #expect(issued("")?.interval == 5)
        #expect(issued(#","interval":7"#)?.interval == 7)
    }

    @Test("RFC 8628 §3.3.1: the user's code stays beside an address that holds it")
    func complete() {
        let device = issued(#","verification_uri_complete":"https://as.example/d?c=U-1""#)
        #expect(device?.userCode == "U-1" && device?.verificationURI == "https://as.example/d")
        #expect(device?.verificationURIComplete == "https://as.example/d?c=U-1")
    }

    @Test("RFC 8628 §3.4: the poll holds grant_type, device_code and who the client is")
    func grant() throws {
        let form = try form(
            try tokenRequest(DeviceCodeGrant.parameters(deviceCode: Secret("d")), by: publicClient))
        #expect(form["grant_type"] == "urn:ietf:params:oauth:grant-type:device_code")
        #expect(form["device_code"] == "d" && form["client_id"] == "client")
    }

    @Test("RFC 8628 §3.5: between two polls lies the interval at least", arguments: [5, 30])
    func interval(seconds: Int) {
        var polling = polling(interval: seconds)
        #expect(polling.start(now: Int64(now)) == .wait(seconds: seconds))
        #expect(poll(&polling, "authorization_pending") == .wait(seconds: seconds))
    }

    @Test("RFC 8628 §3.5: slow_down adds five seconds to this and all later polls")
    func slowDown() {
        var polling = polling()
        #expect(poll(&polling, "slow_down") == .wait(seconds: 10))
        #expect(poll(&polling, "authorization_pending") == .wait(seconds: 10))
        #expect(poll(&polling, "slow_down") == .wait(seconds: 15))
    }

    @Test("RFC 8628 §3.5: after a time-out the client polls less often")
    func backOff() {
        var polling = polling()
        #expect(polling.failed(now: Int64(now)) == .wait(seconds: 10))
        #expect(polling.failed(now: Int64(now)) == .wait(seconds: 20))
    }

    @Test(
        "RFC 8628 §3.5: any other error ends it",
        arguments: ["access_denied", "expired_token", "invalid_grant", "invalid_client", "what_is_this"])
    func ends(code: String) {
        var polling = polling()
        #expect(poll(&polling, code) == .ended(code: code))
    }

    @Test("RFC 8628 §3.5: when its time is over, it polls no more")
    func expires() {
        let polling = polling()
        #expect(polling.start(now: Int64(now + 299)) == .wait(seconds: 1))
        #expect(polling.start(now: Int64(now + 300)) == .ended(code: "expired_token"))
    }

    @Test("RFC 8628 §5.2: the device code is shown to nobody")
    func notPrinted() throws {
        let device = try #require(issued(""))
        #expect(device.deviceCode.reveal() == "d")
        #expect(!String(reflecting: device).contains("U-1") && !String(reflecting: device.deviceCode).contains("d"))
    }
}
