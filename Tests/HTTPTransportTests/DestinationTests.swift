import Broker
import OAuth
import Testing

@testable import HTTPTransport

@Suite struct DestinationTests {
    private func reason(_ url: String, _ policy: EgressPolicy = .default) throws -> String? {
        switch policy.judge(try EndpointURL(url)) {
        case .accepted: nil
        case .refused(let reason): reason
        }
    }

    @Test("N4: http is refused, and allowed in development")
    func plain() throws {
        #expect(try reason("http://as.example.com/token") == "http is allowed in development only")
        #expect(try reason("http://as.example.com/token", .development) == nil)
    }

    @Test("N4: an odd port is refused unless it is configured", arguments: [1, 22, 25, 80, 444, 6379, 65_535])
    func oddPort(port: Int) throws {
        #expect(try reason("https://as.example.com:\(port)/") == "port \(port) is not one of the allowed ports")
        var policy = EgressPolicy.default
        policy.allowedPorts = [port]
        #expect(try reason("https://as.example.com:\(port)/", policy) == nil)
        #expect(try reason("https://as.example.com:\(port)/", .development) == nil)
    }

    @Test("N4: https on 443 and 8443 is allowed", arguments: ["", ":443", ":8443"])
    func usualPort(port: String) throws { #expect(try reason("https://as.example.com\(port)/token") == nil) }

    @Test("N1: an address in the URL is judged without asking anybody", arguments: ["127.0.0.1", "[::1]", "10.0.0.1"])
    func literal(host: String) throws { #expect(try reason("https://\(host)/")?.contains("address") == true) }

    @Test("the request's URL is spelled anew from what was judged")
    func spelling() throws {
        func url(_ text: String) throws -> String? {
            let verdict = EgressPolicy.default.judge(try EndpointURL(text))
            guard case .accepted(let destination) = verdict else { return nil }
            return destination.url
        }
        #expect(try url("https://AS.example.com") == "https://as.example.com:443/")
        #expect(try url("https://as.example.com/a%20b?c=d&e") == "https://as.example.com:443/a%20b?c=d&e")
        #expect(try url("https://as.example.com?e[]=%5B") == "https://as.example.com:443/?e%5B%5D=%5B")
        #expect(try url("https://[2606:4700:0::1111]:8443/x") == "https://[2606:4700::1111]:8443/x")
    }
}
