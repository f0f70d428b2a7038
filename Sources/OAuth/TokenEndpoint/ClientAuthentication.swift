import HTTPTypes

/// How a client authenticates (RFC 6749 §2.3): exactly one method a request, and never a second try with another.
public enum ClientAuthentication: Sendable, Hashable {
    /// A public client: `client_id` in the body (RFC 6749 §3.2.1).
    case none
    case clientSecretBasic(Secret)
    case clientSecretPost(Secret)
    /// The secret signs an assertion and stays here (OpenID Connect Core 1.0 §9).
    case clientSecretJWT(Secret)
    /// A key signs an assertion (RFC 7523 §2.2, OpenID Connect Core 1.0 §9).
    case privateKeyJWT(AssertionSigner)
    /// An assertion that somebody else signed, such as the platform that the service runs on (RFC 7523 §3, RFC 7521
    /// §4.2): sent as it is.
    case federatedAssertion(Secret)
    /// The TLS handshake authenticates, by a certificate that an authority vouches for (RFC 8705 §2.1).
    case tlsClientAuth(ClientKey)
    /// The same by a certificate that is registered itself (RFC 8705 §2.2).
    case selfSignedTLSClientAuth(ClientKey)

    /// The name in the IANA registry "OAuth Token Endpoint Authentication Methods".
    public var method: String {
        switch self {
        case .none: "none"
        case .clientSecretBasic: "client_secret_basic"
        case .clientSecretPost: "client_secret_post"
        case .clientSecretJWT: "client_secret_jwt"
        case .privateKeyJWT, .federatedAssertion: "private_key_jwt"
        case .tlsClientAuth: "tls_client_auth"
        case .selfSignedTLSClientAuth: "self_signed_tls_client_auth"
        }
    }

    /// What must not be seen, where that is text.
    public var secret: Secret? {
        switch self {
        case .clientSecretBasic(let secret), .clientSecretPost(let secret), .clientSecretJWT(let secret),
            .federatedAssertion(let secret):
            secret
        case .none, .privateKeyJWT, .tlsClientAuth, .selfSignedTLSClientAuth: nil
        }
    }

    /// What the TLS handshake presents.
    public var presentsCertificate: Bool { tlsKey != nil }

    var tlsKey: ClientKey? {
        switch self {
        case .tlsClientAuth(let key), .selfSignedTLSClientAuth(let key): key
        default: nil
        }
    }

    /// - Parameter audience: whom an assertion is for.
    func apply(
        clientID: String, to parameters: inout Parameters, _ fields: inout HTTPFields, audience: String,
        dialect: Dialect, freshness: Freshness
    ) {
        switch self {
        case .none, .tlsClientAuth, .selfSignedTLSClientAuth:
            // RFC 8705 §2: with it the server finds the certificate to expect.
            parameters.set("client_id", clientID)
        case .clientSecretPost(let secret):
            parameters.set("client_id", clientID)
            parameters.set("client_secret", secret.reveal())
        case .clientSecretBasic(let secret):
            fields[.authorization] = Self.authorization(clientID: clientID, secret, dialect.secretForm)
            if dialect.sendsClientIDWithBasic || dialect.secretForm == .bearer {
                parameters.set("client_id", clientID)
            }
        case .clientSecretJWT(let secret): assert(AssertionSigner(secret))
        case .privateKeyJWT(let signer): assert(signer)
        case .federatedAssertion(let assertion):
            // Its issuer and subject are not the client, so the client says who it is (RFC 7521 §4.2).
            parameters.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            parameters.set("client_assertion", assertion.reveal())
            parameters.set("client_id", clientID)
        }

        /// RFC 7521 §4.2.
        func assert(_ signer: AssertionSigner) {
            let assertion = ClientAssertion.make(
                ClientAssertion.claims(clientID: clientID, audience: audience), signer: signer,
                certificateHeaders: dialect.assertionCertificateHeaders, freshness: freshness)
            parameters.set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            parameters.set("client_assertion", assertion.reveal())
            if dialect.sendsClientIDWithAssertion { parameters.set("client_id", clientID) }
        }
    }

    private static func authorization(clientID: String, _ secret: Secret, _ form: Dialect.SecretForm) -> String {
        let secret = secret.reveal()
        func basic(_ pair: String) -> String { "Basic \(base64(Array(pair.utf8)))" }
        return switch form {
        // RFC 6749 §2.3.1: both are form-encoded before they are joined.
        case .basic: basic("\(Parameters.encode(clientID)):\(Parameters.encode(secret))")
        case .rawBasic: basic("\(clientID):\(secret)")
        case .username: basic("\(secret):")
        case .bearer: "Bearer \(secret)"
        }
    }
}
