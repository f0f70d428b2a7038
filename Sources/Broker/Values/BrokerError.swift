public import Sealing

/// What went wrong, and who must act. The code is stable (docs/errors.md); the detail is for the public and holds no
/// secret; what only the operator may know goes to the log instead.
public struct BrokerError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        case invalidRequest = "invalid_request"
        case unauthorized
        case forbidden
        case notFound = "not_found"
        case methodNotAllowed = "method_not_allowed"
        case conflict
        case payloadTooLarge = "payload_too_large"
        case reauthorizationRequired = "reauthorization_required"
        case connectionDisabled = "connection_disabled"
        case notRefreshable = "not_refreshable"
        case secretRefused = "secret_refused"
        case providerUnavailable = "provider_unavailable"
        case auditUnavailable = "audit_unavailable"
        case storeUnavailable = "store_unavailable"
        case masterKeyUnavailable = "master_key_unavailable"
        case shuttingDown = "shutting_down"
        case internalError = "internal_error"
    }

    /// Who must act before the same request can succeed.
    public enum Actor: String, Sendable {
        /// Whoever sent the request.
        case caller
        /// The resource owner: by consenting again.
        case owner
        /// Whoever looks after the registration or the service.
        case administrator
        /// Nobody yet: try again later.
        case nobody
    }

    public let code: Code
    public let detail: String
    public let actor: Actor
    /// A second stable word where the code alone does not say enough, such as `revoked`.
    public var reason: String?
    /// The error code that the provider gave (RFC 6749 §5.2).
    public var providerError: String?
    /// The member of the request that is wrong.
    public var field: String?
    /// In seconds.
    public var retryAfter: Int?

    public init(
        _ code: Code, _ detail: String, actor: Actor, reason: String? = nil, field: String? = nil,
        retryAfter: Int? = nil
    ) {
        self.code = code
        self.detail = detail
        self.actor = actor
        self.reason = reason
        self.field = field
        self.retryAfter = retryAfter
    }

    public var description: String { "\(code.rawValue): \(detail)" }

    /// Errors are the same when their codes are: texts may be bettered.
    public static func == (left: BrokerError, right: BrokerError) -> Bool { left.code == right.code }
    public func hash(into hasher: inout Hasher) { hasher.combine(code) }

    // MARK: The common ones

    public static func invalid(_ detail: String, field: String? = nil) -> BrokerError {
        BrokerError(.invalidRequest, detail, actor: .caller, field: field)
    }

    /// The same words whether the connection does not exist or is somebody else's (security case I1).
    public static let noSuchConnection = BrokerError(
        .notFound, "There is no such connection, or this caller may not see it.", actor: .caller)

    public static func notFound(_ what: String) -> BrokerError {
        BrokerError(.notFound, "There is no such \(what).", actor: .caller)
    }

    public static func conflict(_ detail: String, field: String? = nil) -> BrokerError {
        BrokerError(.conflict, detail, actor: .caller, field: field)
    }

    public static let auditUnavailable = BrokerError(
        .auditUnavailable, "The audit log cannot be written, so no secret is handed out. An administrator must act.",
        actor: .administrator, retryAfter: 5)

    public static func storeUnavailable(_ failure: StoreFailure) -> BrokerError {
        BrokerError(
            .storeUnavailable, "The store cannot be used: \(failure.detail)",
            actor: failure.code == .busy ? .nobody : .administrator, reason: failure.code.rawValue, retryAfter: 5)
    }

    /// For administrators' eyes alone: it may name a file.
    public static func masterKey(_ error: SealingError) -> BrokerError {
        BrokerError(.masterKeyUnavailable, error.description, actor: .administrator, reason: error.code.rawValue)
    }

    public static func internalError(_ detail: String = "Something is wrong in Credence; the log says what.")
        -> BrokerError
    {
        BrokerError(.internalError, detail, actor: .administrator)
    }
}
