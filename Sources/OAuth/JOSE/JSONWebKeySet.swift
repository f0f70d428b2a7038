import HTTPTypes

/// The public keys that a provider signs with (RFC 7517 §5).
public struct JSONWebKeySet: Sendable, Hashable {
    public let keys: [JSONWebKey]

    public init(_ keys: [JSONWebKey] = []) {
        self.keys = keys
    }

    /// How many keys are tried for one signature.
    static let mostTries = 8

    public static func request(at url: EndpointURL) -> EndpointRequest {
        EndpointRequest(
            method: .get, url: url,
            headerFields: [.accept: "application/jwk-set+json, application/json", .acceptEncoding: "identity"])
    }

    /// RFC 7517 §5: keys that cannot be used are passed over; one bad key does not void the set.
    public static func judge(_ response: EndpointResponse) -> KeySetVerdict {
        if TokenResponse.isPassing(response.status) { return .unavailable(status: response.status) }
        guard response.status == 200 else { return .malformed(reason: "status \(response.status)") }
        // As many members as fit into the size that a document may have.
        guard case .object(let set)? = response.json(limits: .init(members: 200_000)),
            case .array(let elements)? = set["keys"]
        else { return .malformed(reason: "it is not a JSON Web Key Set") }
        return .keys(
            JSONWebKeySet(
                elements.compactMap { element in
                    guard case .object(let members) = element else { return nil }
                    return JSONWebKey(members)
                }))
    }

    /// The keys that may have made a signature: of that name and fit for the algorithm, because some providers give one
    /// name to keys of two kinds. Without a name all that are fit, up to a few.
    public func candidates(keyID: String?, algorithm: SignatureAlgorithm) -> [JSONWebKey] {
        let fit = keys.lazy.filter { key in
            guard key.canVerify(algorithm) else { return false }
            guard let keyID else { return true }
            return key.keyID.map { isSameText($0, keyID) } ?? false
        }
        return Array(fit.prefix(Self.mostTries))
    }
}

public enum KeySetVerdict: Sendable, Hashable {
    /// May be empty: then none of them could be used.
    case keys(JSONWebKeySet)
    /// 408, 429 and 5xx: it will pass.
    case unavailable(status: Int)
    case malformed(reason: String)
}
