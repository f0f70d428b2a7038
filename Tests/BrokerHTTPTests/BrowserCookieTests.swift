import Testing

@testable import BrokerHTTP

@Suite("The browser's cookie")
struct BrowserCookieTests {
    @Test("I13: SameSite is None only where the provider posts its answer, and never without TLS")
    func sameSite() {
        let (secure, plain) = (Site(publicURL: "https://c.test"), Site(publicURL: "http://127.0.0.1:8400"))
        #expect(BrowserCookie.header("x", secure, returnsByPost: true).contains("SameSite=None; Secure"))
        #expect(BrowserCookie.header("x", secure).contains("SameSite=Lax; Secure"))
        #expect(BrowserCookie.header("x", plain, returnsByPost: true).hasSuffix("SameSite=Lax"))
        #expect(BrowserCookie.header("x", secure).hasPrefix("__Host-credence=x;"))
        #expect(
            BrowserCookie.header("x", secure, returnsByPost: true).hasPrefix("__Host-credence-posted=x;"),
            "another tab's consent does not change it")
    }
}
