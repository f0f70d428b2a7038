public import OAuth

/// Sends one request to an endpoint of an authorization server and brings back its answer.
///
/// The transport vets the address, never follows a redirect, never sends twice, asks for identity encoding,
/// and bounds size and time; it judges nothing.
public protocol HTTPExchange: Sendable {
    /// - Parameter deadline: the time from now until the last byte of the answer, absolute.
    func send(_ request: EndpointRequest, within deadline: Duration) async throws(ExchangeFailure) -> EndpointResponse
}

/// Why no answer came.
public struct ExchangeFailure: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// The address is not one the broker may speak to (loopback, private, link-local, metadata).
        case addressRefused = "address_refused"
        case nameNotResolved = "name_not_resolved"
        case connectionFailed = "connection_failed"
        case tlsFailed = "tls_failed"
        case timedOut = "timed_out"
        /// The answer was cut short.
        case interrupted
        /// The answer is larger than 1 MiB.
        case tooLarge = "too_large"
        /// The client certificate cannot be presented.
        case clientKeyUnusable = "client_key_unusable"
        /// The answer came with a content encoding nobody asked for.
        case encoded
    }

    public let code: Code
    /// For the log: what happened, without secrets and without the answer's bytes.
    public let detail: String
    /// Whether the authorization server may have seen the request: then the outcome is unknown.
    public let mayHaveArrived: Bool

    public init(_ code: Code, detail: String, mayHaveArrived: Bool) {
        self.code = code
        self.detail = detail
        self.mayHaveArrived = mayHaveArrived
    }

    public static func == (left: ExchangeFailure, right: ExchangeFailure) -> Bool { left.code == right.code }
    public func hash(into hasher: inout Hasher) { hasher.combine(code) }
    public var description: String { "\(code.rawValue): \(detail)" }
}
