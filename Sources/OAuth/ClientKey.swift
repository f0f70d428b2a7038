/// A client's own key pair: for assertions (RFC 7523) and for TLS (RFC 8705). Prints as dots.
public struct ClientKey: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// PKCS#8 in DER, not encrypted (RFC 5208).
    public let privateKey: [UInt8]
    /// X.509 in DER, the client's own first; empty where there is only a key.
    public let certificates: [[UInt8]]
    /// `kid`, by which the authorization server finds the public key; nil where it needs none.
    public let keyID: String?

    public init(privateKey: [UInt8], certificates: [[UInt8]] = [], keyID: String? = nil) {
        self.privateKey = privateKey
        self.certificates = certificates
        self.keyID = keyID
    }

    public var description: String { "••••" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
