import Foundation
public import OAuth
import Sealing

/// What an administrator says of a new client (RFC 7591 §2 names the like).
public struct ClientRequest: Sendable {
    public var id: ClientID?
    public var provider: String
    public var clientID: String
    /// A name of the IANA registry "OAuth Token Endpoint Authentication Methods"; nil takes what the secrets are for.
    public var authenticationMethod: String?
    public var fields: [String: String] = [:]
    public var scopes: [String] = []
    public var grantTypes: [GrantType] = []
    public var isDPoPBound = false
    public var signingAlgorithm: String?
    public var secret: ClientSecretValue?

    public init(provider: String, clientID: String) {
        self.provider = provider
        self.clientID = clientID
    }

    /// The methods that Credence speaks.
    public static let spokenMethods = [
        "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "tls_client_auth",
        "self_signed_tls_client_auth", "none",
    ]
    /// What it signs assertions with.
    static let signingAlgorithms: [SignatureAlgorithm] = [.rs256, .ps256, .es256, .edDSA]

    func check() throws(BrokerError) {
        guard !clientID.isEmpty, clientID.utf8.count <= 1024, clientID.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) else {
            throw .invalid(
                "client_id is visible text of 1 to 1024 characters (RFC 6749 appendix A.1).", field: "client_id")
        }
        if let authenticationMethod, !Self.spokenMethods.contains(authenticationMethod) {
            throw .invalid("auth is one of \(Self.spokenMethods.joined(separator: ", ")).", field: "auth")
        }
        if let signingAlgorithm, !Self.signingAlgorithms.contains(where: { $0.rawValue == signingAlgorithm }) {
            throw .invalid(
                "signing_alg is one of \(Self.signingAlgorithms.map(\.rawValue).joined(separator: ", ")).",
                field: "signing_alg")
        }
        try ConnectionBounds.check(scopes: scopes)
    }
}

/// A client's secret or key as it is given.
public enum ClientSecretValue: Sendable {
    case secret(Secret)
    case key(KeyFile)
    /// An absolute path on the machine of the service.
    case assertionFile(String)

    /// A private key, as PEM or as PKCS#12 (RFC 7292) in base64.
    public struct KeyFile: Sendable {
        public var pem: Secret?
        public var pkcs12: Secret?
        /// More certificates, PEM.
        public var certificates: String?
        public var passphrase: Secret?
        public var keyID: String?

        public init(pem: Secret?, pkcs12: Secret?, certificates: String?, passphrase: Secret?, keyID: String?) {
            self.pem = pem
            self.pkcs12 = pkcs12
            self.certificates = certificates
            self.passphrase = passphrase
            self.keyID = keyID
        }
    }

    enum Opened {
        case secret(Secret)
        /// - Parameter notAfter: seconds since 1970.
        case key(ClientKey, notAfter: Int?)
        case assertionFile(String)
    }

    /// Reads and checks it.
    /// - Parameter signingAlgorithm: what the client was registered to sign with.
    func opened(signingAlgorithm: String?) throws(BrokerError) -> Opened {
        switch self {
        case .secret(let secret):
            // RFC 6749 appendix A.2: visible characters and space.
            let text = secret.reveal()
            guard !text.isEmpty, text.utf8.count <= 4096,
                text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
            else {
                throw .invalid(
                    "A client secret is text of 1 to 4096 bytes without control characters.", field: "secret")
            }
            return .secret(secret)
        case .key(let file):
            return try file.opened(signingAlgorithm: signingAlgorithm)
        case .assertionFile(let path):
            guard path.hasPrefix("/"), path.utf8.count <= 4096,
                path.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
            else { throw .invalid("assertion_file is the absolute path of a file.", field: "assertion_file") }
            return .assertionFile(path)
        }
    }
}

extension ClientSecretValue.KeyFile {
    fileprivate func opened(signingAlgorithm: String?) throws(BrokerError) -> ClientSecretValue.Opened {
        let bytes: [UInt8]
        switch (pem, pkcs12) {
        case (let pem?, nil): bytes = Array(pem.reveal().utf8)
        case (nil, let encoded?):
            guard let data = Data(base64Encoded: encoded.reveal()) else {
                throw .invalid("key.pkcs12 is a PKCS#12 file in base64.", field: "key.pkcs12")
            }
            bytes = Array(data)
        default: throw .invalid("A key has either pem or pkcs12.", field: "key")
        }
        if let keyID, !(1...256).contains(keyID.utf8.count) || !keyID.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) {
            throw .invalid("key.kid is visible text of 1 to 256 characters.", field: "key.kid")
        }
        let contents: PrivateKeyFile.Contents
        do {
            contents = try PrivateKeyFile.read(
                bytes, certificates: certificates.map { Array($0.utf8) },
                passphrase: passphrase.map { Array($0.reveal().utf8) })
        } catch {
            throw .invalid("\(error)", field: "key")
        }
        let key = ClientKey(
            privateKey: contents.privateKey, certificates: contents.certificates, keyID: keyID)
        // A key that cannot sign is told now, and not at the first token request.
        do {
            _ = try AssertionSigner(
                SigningKey(key), algorithm: signingAlgorithm.flatMap { SignatureAlgorithm(rawValue: $0) })
        } catch {
            throw .invalid("\(error)", field: "key")
        }
        return .key(key, notAfter: contents.notAfter)
    }
}
