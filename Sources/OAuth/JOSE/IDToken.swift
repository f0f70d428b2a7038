/// ID tokens (OpenID Connect Core 1.0 §2, §3.1.3.7): the signature is verified always, whatever way the token came.
public enum IDToken {
    /// What a token must say. All of it is known before the token is looked at.
    public struct Expectation: Sendable {
        /// To the letter; one of them.
        public var issuers: [String]
        public var clientID: String
        /// See `SignatureAlgorithm.allowed(supported:)`.
        public var algorithms: Set<SignatureAlgorithm> = [.rs256]
        public var keys: JSONWebKeySet
        /// For HS256 and its kin.
        public var clientSecret: Secret?
        /// What the authorization request sent; nil at a refresh, which sends none.
        public var nonce: Secret?
        /// What came with the token, for `at_hash`.
        public var accessToken: Secret?
        /// What the token was had for, for `c_hash`.
        public var code: Secret?
        /// Seconds since 1970.
        public var now: Int
        /// By how much the provider's clock may differ, in seconds.
        public var leeway = 300

        public init(issuers: [String], clientID: String, keys: JSONWebKeySet, now: Int) {
            self.issuers = issuers
            self.clientID = clientID
            self.keys = keys
            self.now = now
        }
    }

    public static func judge(_ token: Secret, expecting expected: Expectation) -> IDTokenVerdict {
        let jws: JWS
        do {
            jws = try JWS(token.reveal())
        } catch {
            return .invalid(reason: error.description)
        }
        // RFC 8725 §3.11: a token that says it is another kind is none; plain JWT, and nothing, are usual.
        guard jws.type?.lowercased().hasSuffix("+jwt") != true else { return .invalid(reason: "it is another token") }
        // Before the signature, so that nobody asks for keys on account of what is no token.
        guard case .object(let members)? = try? JSONReader.read(jws.payload) else {
            return .invalid(reason: "its claims are not a JSON object")
        }
        switch jws.verify(with: expected.keys, secret: expected.clientSecret, allowed: expected.algorithms) {
        case .valid: break
        case .unknownKey(let keyID): return .unknownKey(keyID: keyID)
        case .invalid(let reason): return .invalid(reason: reason)
        }
        do throws(Invalid) {
            let claims = try Claims(members)
            try check(claims, expected)
            try check(members, jws.algorithm, expected)
            return .valid(claims)
        } catch {
            return .invalid(reason: error.reason)
        }
    }

    struct Invalid: Error {
        let reason: String
    }

    /// §3.1.3.7, 2 to 5, 9 and 10.
    private static func check(_ claims: Claims, _ expected: Expectation) throws(Invalid) {
        guard expected.issuers.contains(where: { isSameText($0, claims.issuer) }) else {
            throw Invalid(reason: "it names another issuer")
        }
        guard claims.audience.contains(where: { isSameText($0, expected.clientID) }) else {
            throw Invalid(reason: "it is for another client")
        }
        switch claims.all["azp"] {
        case nil, .null?:
            guard claims.audience.count == 1 else {
                throw Invalid(reason: "it is for several and does not say to whom it was issued")
            }
        case .string(let party)? where isSameText(party, expected.clientID): break
        default: throw Invalid(reason: "it was issued to another client")
        }
        let now = Double(expected.now)
        let leeway = Double(expected.leeway)
        guard now < claims.exactExpiry + leeway else { throw Invalid(reason: "it has expired") }
        guard claims.exactIssueTime <= now + leeway else { throw Invalid(reason: "it was issued in the future") }
        if let start = try Claims.time(claims.all, "nbf"), start > now + leeway {
            throw Invalid(reason: "it is not valid yet")
        }
    }

    /// §3.1.3.7, 11; §3.1.3.8, §3.3.2.11.
    private static func check(
        _ members: JSONObject, _ algorithm: SignatureAlgorithm, _ expected: Expectation
    ) throws(Invalid) {
        if let nonce = expected.nonce {
            guard case .string(let text)? = members["nonce"], Secret(text) == nonce else {
                throw Invalid(reason: "its nonce is not the one that was sent")
            }
        }
        for (name, value) in [("at_hash", expected.accessToken), ("c_hash", expected.code)] {
            guard let found = members[name], let value else { continue }
            guard found == .string(algorithm.halfHash(of: value.reveal())) else {
                throw Invalid(reason: "its \(name) is another's")
            }
        }
    }
}

public enum IDTokenVerdict: Sendable, Hashable {
    case valid(IDToken.Claims)
    /// The keys that are known do not do: they are to be asked for anew, once.
    case unknownKey(keyID: String?)
    case invalid(reason: String)
}
