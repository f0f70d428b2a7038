/// What the owner is asked before the browser goes to the provider: who asks for what, where.
public struct ConsentPage: Sendable, Hashable {
    public let connection: ConnectionID
    public let owner: String?
    public let requestedBy: String
    public let providerTitle: String
    /// The host of the authorization endpoint: where the browser will be sent.
    public let providerHost: String
    public let scopes: [String]
    public let isReconnect: Bool
    /// Whether the owner gets a code to enter at the provider (RFC 8628) in place of being sent there.
    public let isDevice: Bool
    /// The device authorization under way, or how the last one ended.
    public let device: DeviceConsent?
    /// Whether the owner came to the end of this link's device authorization.
    public let isConnected: Bool
    /// Where the browser goes then; nil shows a page.
    public let returnTo: String?
    /// Proves that the form was filled in on this page by this browser.
    public let formToken: String
}

/// Where a consent stands after the browser came back.
public enum ConsentOutcome: Sendable, Hashable {
    /// - Parameter returnTo: where the browser goes, from the exact allow-list; nil shows a page.
    case connected(ConnectionID, providerTitle: String, returnTo: String?)
    /// Another account than before: the owner must say whether it shall replace it (security case F19).
    case otherAccount(OtherAccount)
    /// The connection is as it was before.
    case failed(ConsentFailure, returnTo: String?)
}

/// What the owner is asked when the account is another one.
public struct OtherAccount: Sendable, Hashable {
    public let connection: ConnectionID
    public let providerTitle: String
    /// Whose account it is now, as people know it.
    public let old: String
    public let new: String
    /// Names the held grant; for the page's form alone.
    public let word: String
}

/// Why a consent did not come to its end, for a page.
public struct ConsentFailure: Error, Sendable, Hashable {
    public enum Code: String, Sendable {
        /// No such link.
        case unknownTicket = "unknown_ticket"
        case expiredTicket = "expired_ticket"
        /// Not this state, or used before, or never issued.
        case unknownState = "unknown_state"
        case expiredState = "expired_state"
        /// Another browser began.
        case wrongBrowser = "wrong_browser"
        /// The page's form came from elsewhere.
        case forgedForm = "forged_form"
        /// The answer breaks the protocol.
        case invalidResponse = "invalid_response"
        /// The owner or the provider said no.
        case refused
        case providerUnavailable = "provider_unavailable"
        /// The registration or the configuration is wrong.
        case misconfigured
        case connectionGone = "connection_gone"
        case unavailable
    }

    public let code: Code
    /// What happened and what to do, in a sentence. Text from the provider is sanitised; the page escapes it.
    public let detail: String
    /// The provider's error code, where it sent one.
    public var providerError: String?

    public init(_ code: Code, _ detail: String, providerError: String? = nil) {
        self.code = code
        self.detail = detail
        self.providerError = providerError
    }
}
