/// A signed token in the compact form (RFC 7515 §7.1), read strictly; nothing in it counts before `verify` says valid.
/// The keys that a header brings or points to (`jwk`, `jku`, `x5c`, `x5u`) are never used (RFC 8725 §3.10). Prints its
/// algorithm alone.
public struct JWS: Sendable, CustomStringConvertible, CustomReflectable {
    public struct Malformed: Error, Sendable, Hashable, CustomStringConvertible {
        public let description: String
    }

    static let longest = 65_536

    public let algorithm: SignatureAlgorithm
    /// `kid`, as somebody wrote it: escape it before it is shown.
    public let keyID: String?
    /// `typ`.
    public let type: String?
    public let payload: [UInt8]
    private let signedText: [UInt8]
    private let signature: [UInt8]

    public init(_ compact: String) throws(Malformed) {
        let text = Array(compact.utf8)
        guard text.count <= Self.longest else { throw Malformed(description: "it is longer than 64 KiB") }
        let parts = text.split(separator: UInt8(ascii: "."), maxSplits: 5, omittingEmptySubsequences: false)
        guard parts.count != 5 else { throw Malformed(description: "it is encrypted") }
        guard parts.count == 3 else { throw Malformed(description: "it does not have three parts") }
        guard let header = bytes(base64URL: parts[0]), let payload = bytes(base64URL: parts[1]),
            let signature = bytes(base64URL: parts[2])
        else { throw Malformed(description: "it is not base64url") }
        guard case .object(let members)? = try? JSONReader.read(header) else {
            throw Malformed(description: "its header is not a JSON object")
        }
        // RFC 7515 §4.1.11: no extension is understood here, RFC 7797 among them.
        guard members["crit"] == nil, members["b64"] == nil || members["b64"] == .bool(true) else {
            throw Malformed(description: "its header names an extension")
        }
        guard case .string(let name)? = members["alg"], let algorithm = SignatureAlgorithm(rawValue: name) else {
            throw Malformed(description: "its algorithm is missing or none that Credence verifies")
        }
        self.algorithm = algorithm
        keyID = try Self.text(members["kid"], "kid")
        type = try Self.text(members["typ"], "typ")
        self.payload = payload
        self.signature = signature
        // What was received is what was signed, whatever it would be if it were written again.
        signedText = Array(text.dropLast(parts[2].count + 1))
    }

    private static func text(_ value: JSONValue?, _ name: String) throws(Malformed) -> String? {
        switch value {
        case nil: return nil
        case .string(let text)? where text.utf8.count <= 1024: return text
        default: throw Malformed(description: "its \(name) is not text, or too long")
        }
    }

    public enum Verdict: Sendable, Hashable {
        case valid
        /// No key has that name, or none without a name fits: the provider may have changed its keys.
        case unknownKey(keyID: String?)
        case invalid(reason: String)
    }

    /// - Parameters:
    ///   - secret: what both sides know; the only thing that HS256 and its kin are verified with.
    ///   - allowed: fixed before the token is looked at (RFC 8725 §3.1).
    public func verify(with keys: JSONWebKeySet, secret: Secret? = nil, allowed: Set<SignatureAlgorithm>) -> Verdict {
        guard allowed.contains(algorithm) else {
            return .invalid(reason: "its algorithm is not one that was agreed on")
        }
        guard !algorithm.isSymmetric else {
            let isValid = secret.map { hasValidCode(key: Array($0.reveal().utf8)) } ?? false
            return isValid ? .valid : .invalid(reason: "its signature is wrong")
        }
        let candidates = keys.candidates(keyID: keyID, algorithm: algorithm)
        let isValid = candidates.contains { $0.isValidSignature(signature, of: signedText, algorithm: algorithm) }
        if isValid { return .valid }
        return candidates.isEmpty || keyID == nil
            ? .unknownKey(keyID: keyID) : .invalid(reason: "its signature is wrong")
    }

    func hasValidCode(key: [UInt8]) -> Bool {
        MAC.isValid(signature, of: signedText, key: key, algorithm: algorithm)
    }

    public var description: String { "JWS(\(algorithm.rawValue))" }
    public var customMirror: Mirror { Mirror(self, children: ["alg": algorithm.rawValue]) }
}
