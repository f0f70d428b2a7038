public import Broker
public import HTTPTypes
public import OAuth
import Synchronization
public import Testing

/// Answers requests from a script. A request that the script does not know is an issue of the test, and so is an
/// expectation that nothing used (`verifyAllUsed`).
public final class ScriptedExchange: HTTPExchange {
    public enum Outcome: Sendable {
        case answer(EndpointResponse)
        case failure(ExchangeFailure)
    }

    public struct Request: Sendable {
        public let request: EndpointRequest
        /// What the caller allowed for it.
        public let deadline: Duration
    }

    private struct Expectation {
        let name: String
        let matches: @Sendable (EndpointRequest) -> Bool
        let outcome: Outcome
        let gate: Gate?
        /// Nil: any number, none too.
        var remaining: Int?
    }

    private let expectations = Locked<[Expectation]>([])
    private let log = Watched<[Request]>([])

    public init() {}

    /// The earliest expectation that matches a request answers it; without `matching`, they are used in order.
    ///
    /// - Parameters:
    ///   - name: How `verifyAllUsed` calls it.
    ///   - times: How often it must be used; nil for any number of times.
    ///   - gate: Holds the answer back until the test opens it.
    public func expect(
        _ outcome: Outcome, name: String = "a request", times: Int? = 1, heldBy gate: Gate? = nil,
        matching matches: @escaping @Sendable (EndpointRequest) -> Bool = { _ in true }
    ) {
        let expectation = Expectation(name: name, matches: matches, outcome: outcome, gate: gate, remaining: times)
        expectations.withLock { $0.append(expectation) }
    }

    /// What was sent so far, in order.
    public var requests: [EndpointRequest] { log.value.map(\.request) }

    /// The same, each with its deadline.
    public var sent: [Request] { log.value }

    /// Returns once that many requests were sent.
    public func requests(reach count: Int) async throws {
        try await log.wait { $0.count >= count }
    }

    /// Records an issue for each expectation that was not used as often as it must be.
    public func verifyAllUsed(sourceLocation: SourceLocation = #_sourceLocation) {
        for expectation in expectations.withLock({ $0 }) {
            guard let remaining = expectation.remaining, remaining > 0 else { continue }
            Issue.record("expected \(remaining) more: \(expectation.name)", sourceLocation: sourceLocation)
        }
    }

    public func send(
        _ request: EndpointRequest, within deadline: Duration
    ) async throws(ExchangeFailure) -> EndpointResponse {
        log.update { $0.append(Request(request: request, deadline: deadline)) }
        guard let expectation = take(for: request) else {
            Issue.record("unscripted request: \(request)")
            throw ExchangeFailure(.connectionFailed, detail: "unscripted request", mayHaveArrived: false)
        }
        if let gate = expectation.gate {
            do {
                try await gate.pass()
            } catch {
                throw ExchangeFailure(.interrupted, detail: "cancelled while held", mayHaveArrived: true)
            }
        }
        switch expectation.outcome {
        case .answer(let response): return response
        case .failure(let failure): throw failure
        }
    }

    private func take(for request: EndpointRequest) -> Expectation? {
        expectations.withLock { expectations in
            guard let index = expectations.firstIndex(where: { $0.remaining != 0 && $0.matches(request) }) else {
                return nil
            }
            if let remaining = expectations[index].remaining { expectations[index].remaining = remaining - 1 }
            return expectations[index]
        }
    }
}

extension ScriptedExchange.Outcome {
    /// A JSON answer with the text as it is.
    public static func json(_ text: String, status: Int = 200, headerFields: HTTPFields = [:]) -> Self {
        body(text, type: "application/json", status: status, headerFields: headerFields)
    }

    /// An answer of any content type.
    public static func body(
        _ text: String, type: String, status: Int = 200, headerFields: HTTPFields = [:]
    ) -> Self {
        var fields = headerFields
        fields[.contentType] = type
        return .answer(EndpointResponse(status: status, headerFields: fields, body: Array(text.utf8)))
    }
}
