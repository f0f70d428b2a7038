import Broker
import HTTPTransport
import NIOCore
import OAuth
import Testing

@Suite struct ResolvingTests {
    private let loopbackOnly: EgressPolicy = {
        var policy = EgressPolicy.development
        policy.allowLoopback = false
        policy.allowedNetworks = [CIDR("127.0.0.1/32")!]
        return policy
    }()

    @Test("N2: a name that changes its address between the check and the call is dialled where it was checked")
    func rebinding() async throws {
        let vetted = try await RawServer.start(answer: RawServer.answering("200 OK"))
        let inside = try await RawServer.start(
            at: "127.0.0.2", port: vetted.port, answer: RawServer.answering("200 OK"))
        let resolver = StubResolver(["127.0.0.1"], ["127.0.0.2"])
        let url = vetted.url(host: "as.example.com")
        let result = try await exchange(url, policy: loopbackOnly, resolver: resolver)
        #expect(result.response?.status == 200)
        #expect(resolver.questions.value == 1)
        #expect(vetted.requests.count == 1)
        #expect(vetted.requests.first?.contains("host: as.example.com:\(vetted.port)\r\n") == true)

        // The second time the name leads inside: every exchange is vetted.
        expect(
            try await exchange(url, policy: loopbackOnly, resolver: resolver),
            failsWith: .addressRefused, mayHaveArrived: false)
        #expect(inside.connections == 0)
    }

    @Test(
        "N2: one bad address among good ones refuses the name, wherever it stands",
        arguments: [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["127.0.0.1", "127.0.0.1", "::1"]])
    func mixed(answers: [String]) async throws {
        var policy = loopbackOnly
        policy.allowPrivate = false
        let server = try await RawServer.start(answer: RawServer.answering("200 OK"))
        let result = try await exchange(
            server.url(host: "as.example.com"), policy: policy, resolver: StubResolver(answers))
        expect(result, failsWith: .addressRefused, mayHaveArrived: false)
        #expect(server.connections == 0)
    }

    @Test(
        "N1: a name that leads inside is refused before anything is dialled",
        arguments: ["127.0.0.1", "::1", "169.254.169.254", "10.0.0.1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::a00:1"])
    func inside(address: String) async throws {
        let result = try await exchange(
            "https://as.example.com/token", policy: .default, resolver: StubResolver([address]))
        expect(result, failsWith: .addressRefused, mayHaveArrived: false)
        #expect(result.failure?.detail.contains("as.example.com: \(address) is a ") == true)
    }

    @Test("N1: the system's own name for loopback is refused")
    func localhost() async throws {
        let server = try await RawServer.start(answer: RawServer.answering("200 OK"))
        var policy = EgressPolicy.development
        policy.allowLoopback = false
        let url = server.url(host: "localhost")
        let refused = try await exchange(url, policy: policy, resolver: SystemResolver())
        expect(refused, failsWith: .addressRefused, mayHaveArrived: false)
        #expect(server.connections == 0)
        let allowed = try await exchange(url, resolver: SystemResolver())
        #expect(allowed.response?.status == 200, "\(allowed)")
    }

    @Test("an address in the URL is dialled without asking the resolver")
    func literal() async throws {
        let server = try await RawServer.start(answer: RawServer.answering("200 OK"))
        let resolver = StubResolver(["127.0.0.2"])
        #expect(try await exchange(server.url(), resolver: resolver).response?.status == 200)
        #expect(resolver.questions.value == 0)
    }

    @Test("a name without an address is not resolved")
    func empty() async throws {
        let result = try await exchange("https://as.example.com/", resolver: StubResolver([]))
        expect(result, failsWith: .nameNotResolved, mayHaveArrived: false)
    }

    @Test("a resolver's error is told, and nothing was sent")
    func failing() async throws {
        struct Failing: NameResolver {
            struct Down: Error {}
            func addresses(of host: String) async throws -> [IPAddress] { throw Down() }
        }
        let result = try await exchange("https://as.example.com/", resolver: Failing())
        expect(result, failsWith: .nameNotResolved, mayHaveArrived: false)
    }

    @Test("an address that cannot be reached passes the request on to the next vetted one")
    func nextAddress() async throws {
        let server = try await RawServer.start(answer: RawServer.answering("200 OK"))
        let result = try await exchange(
            server.url(host: "as.example.com"), resolver: StubResolver(["127.0.0.2", "127.0.0.1"]))
        #expect(result.response?.status == 200)
        #expect(server.requests.count == 1)
    }

    @Test("N6: an address that took the request does not pass it on to the next one")
    func noNextAddress() async throws {
        let first = try await RawServer.start(answer: { $0.close(promise: nil) })
        let second = try await RawServer.start(
            at: "127.0.0.2", port: first.port, answer: RawServer.answering("200 OK"))
        let result = try await exchange(
            first.url(host: "as.example.com"), resolver: StubResolver(["127.0.0.1", "127.0.0.2"]))
        expect(result, failsWith: .interrupted, mayHaveArrived: true)
        #expect(second.connections == 0)
    }

    @Test("N2: a connection that leads elsewhere than was vetted is closed before the request is written")
    func peer() async throws {
        try await PeerCheck.run()
    }

    @Test("a look-up ends at once when it is cancelled")
    func cancelled() async throws {
        let lookUp = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await SystemResolver().addresses(of: "localhost")
        }
        await #expect(throws: CancellationError.self) { try await lookUp.value }
    }

    @Test("the system's resolver knows loopback")
    func system() async throws {
        let addresses = try await SystemResolver().addresses(of: "localhost")
        #expect(addresses.contains(IPAddress("127.0.0.1")!) || addresses.contains(IPAddress("::1")!))
    }
}
