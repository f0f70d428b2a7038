/// Whom an assertion is for: its `aud` (RFC 7523 §3).
public enum AssertionAudience: Sendable, Hashable {
    /// The issuer, or the token endpoint where no issuer is known. An assertion for the issuer is good at all of its
    /// endpoints.
    case issuer
    case tokenEndpoint
    case fixed(String)

    /// - Parameter endpoint: where the request goes, for want of a known token endpoint.
    func value(for client: Client, at endpoint: EndpointURL) -> String {
        let tokenEndpoint = (client.tokenEndpoint ?? endpoint).string
        return switch self {
        case .issuer: client.issuer ?? tokenEndpoint
        case .tokenEndpoint: tokenEndpoint
        case .fixed(let audience): audience
        }
    }
}
