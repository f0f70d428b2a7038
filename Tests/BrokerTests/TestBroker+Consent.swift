import BrokerTesting
import OAuth
import Testing

@testable import Broker

/// The owner's browser, by its cookie.
struct Browser: Sendable {
    let name = "a-browser-of-forty-three-characters-0123456"
}

/// A consent that began: the authorization request.
struct Begun: Sendable {
    let url: String
    let query: Parameters
    var state: String { query["state"] ?? "" }
    /// What the provider sends the browser back with.
    var answer: Parameters { Parameters([("code", "code-1"), ("state", state)]) }
}

extension Consent.Link {
    var ticket: String { String(url.split(separator: "/").last ?? "") }
}

extension TestBroker {
    @discardableResult
    func newConnection(
        _ id: ConnectionID = TestBroker.connection, returnTo: String? = nil,
        _ change: (inout ConnectionRequest) -> Void = { _ in }
    ) async throws -> Consent.Link {
        if try await store.client(Self.client) == nil { try await addClient() }
        var request = ConnectionRequest()
        request.id = id
        request.provider = "acme"
        request.returnTo = returnTo
        change(&request)
        return try #require(try await core.connections.create(request, by: admin).consent)
    }

    func reconnect() async throws -> Consent.Link {
        try await core.connections.requestConsent(Self.connection, returnTo: nil, wishes: ConsentWishes(), by: admin)
    }

    func begin(_ link: Consent.Link, _ browser: Browser) async throws -> Begun {
        let page = try await core.consent.page(ticket: link.ticket, browser: browser.name)
        let step = try await core.consent.start(ticket: link.ticket, browser: browser.name, formToken: page.formToken)
        guard case .provider(let url, _) = step else { throw BrokerError.internalError("it goes to no provider") }
        return Begun(url: url, query: try Parameters(formURLEncoded: String(url.split(separator: "?")[1])))
    }

    func startFailure(
        _ link: Consent.Link, _ browser: Browser, formToken: String? = nil
    ) async throws -> ConsentFailure {
        do {
            _ = try await core.consent.start(ticket: link.ticket, browser: browser.name, formToken: formToken)
        } catch {
            return error
        }
        throw BrokerError.internalError("the consent began")
    }

    func finish(_ begun: Begun, _ browser: Browser) async -> ConsentOutcome {
        await core.consent.finish(client: Self.client, parameters: begun.answer, browser: browser.name)
    }

    func refused(_ answer: Parameters, _ browser: Browser) async throws -> ConsentFailure {
        switch await core.consent.finish(client: Self.client, parameters: answer, browser: browser.name) {
        case .failed(let failure, _): return failure
        case .connected, .otherAccount: throw BrokerError.internalError("the consent went through")
        }
    }
}
