public import OAuth

/// A profile with its holes filled: what requests are made from.
public struct Provider: Sendable {
    public let name: String
    public let title: String
    public let kind: ProfileKind
    /// Holds no endpoints when `discoveryIssuer` is set.
    public let authorizationServer: AuthorizationServer
    /// Where the endpoints are found (RFC 8414 §3), when an issuer is given and no endpoints.
    public let discoveryIssuer: String?
    public let dialect: Dialect
    public let defaultScopes: [String]
    /// Who must act: goes before the standard's meaning.
    public let remedies: ErrorMap
    public let expiry: ProviderProfile.Expiry
    public let refreshTokenPolicy: ProviderProfile.RefreshToken
    public let capture: [ProviderProfile.Capture]
    public let apply: Apply
    /// Where it is told whose account a connection is.
    public let identity: Identity?
    /// What a consent asks once more, with the new token; nil for nothing.
    public let followUp: EndpointURL?
    /// Whether tokens are bound to a key of the client (RFC 9449).
    public let isDPoPBound: Bool
    /// Whether authorization requests may be pushed (RFC 9126), where there is an endpoint for it.
    public let pushesAuthorizationRequests: Bool
    let jwtBearerForm: JWTBearerForm?
    let revocationForm: RevocationForm?
    let idTokenIssuerForms: [Template]
    let hostTemplates: [Template]
    let routeForms: [RouteForm]

    /// Where the credential belongs: hosts in lower case, with a port where one is written; `*.` before a name stands
    /// for its subdomains. Of a URL, as some providers tell it, the host counts. What renders empty is left out.
    /// - Parameter values: the captured attributes, by name.
    public func hosts(values: [String: String]) -> [String] {
        let values = apply.fields.merging(values) { _, own in own }
        return hostTemplates.flatMap { HostName.entries($0.filled(values)) }.compactMap { HostName.normalized($0) }
    }
}

/// What does not fit about the fields of a client or a connection.
public struct FieldProblems: Error, Sendable, CustomStringConvertible {
    /// Sentences for people, which name the fields.
    public let problems: [String]
    public var description: String { problems.joined(separator: " ") }
}
