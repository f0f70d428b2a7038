/// A device authorization (RFC 8628 §3.2): a code for the owner to enter on whatever device, and one for us to poll with.
/// Prints the address alone.
public struct DeviceAuthorization: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    public var deviceCode: Secret
    /// As somebody wrote it: escape it before it is shown.
    public var userCode: String
    public var verificationURI: String
    /// With the user's code in it.
    public var verificationURIComplete: String?
    /// In seconds.
    public var expiresIn: Int
    /// Seconds between polls.
    public var interval: Int

    public init(
        deviceCode: Secret, userCode: String, verificationURI: String, verificationURIComplete: String? = nil,
        expiresIn: Int, interval: Int = usualInterval
    ) {
        self.deviceCode = deviceCode
        self.userCode = userCode
        self.verificationURI = verificationURI
        self.verificationURIComplete = verificationURIComplete
        self.expiresIn = expiresIn
        self.interval = interval
    }

    /// §3.2: where nothing is said.
    public static let usualInterval = 5
    /// A day: whoever has not entered the code by then will not.
    static let longestLifetime = 86_400

    public var description: String { "DeviceAuthorization(\(verificationURI))" }
    public var customMirror: Mirror { Mirror(self, children: ["verification_uri": verificationURI]) }

    // MARK: Asking

    /// §3.1.
    public static func request(
        at endpoint: EndpointURL, client: Client, scope: [String], resource: [String] = [], dialect: Dialect,
        freshness: Freshness
    ) -> EndpointRequest {
        // The client says who it is, whether or not it authenticates: endpoints that take no secrets want it.
        var parameters = Parameters([("client_id", client.id)])
        parameters.append(scope: scope, separator: dialect.scopeSeparator)
        parameters.append(resource: resource)
        return TokenRequest.form(parameters, at: endpoint, client: client, dialect: dialect, freshness: freshness)
    }

    // MARK: Judging

    public enum Verdict: Sendable, Hashable {
        case issued(DeviceAuthorization)
        case refused(OAuthError)
        case malformed(reason: String)
        case unavailable(status: Int, retryAfter: RetryAfter?)
    }

    public static func judge(_ response: EndpointResponse, allowHTTP: Bool) -> Verdict {
        switch EndpointAnswer(response, naming: "device_code") {
        case .success(let members):
            do {
                return .issued(try DeviceAuthorization(members, allowHTTP: allowHTTP))
            } catch {
                return .malformed(reason: error.reason)
            }
        case .refused(let error): return .refused(error)
        case .malformed(let reason): return .malformed(reason: reason)
        case .unavailable(let status, let retryAfter): return .unavailable(status: status, retryAfter: retryAfter)
        }
    }

    private struct Malformed: Error {
        let reason: String
    }

    private init(_ members: JSONObject, allowHTTP: Bool) throws(Malformed) {
        guard let deviceCode = members["device_code"]?.asText, deviceCode.isVisible(upTo: 8192) else {
            throw Malformed(reason: "it holds no device code")
        }
        guard let userCode = members["user_code"]?.asText, (1...128).contains(userCode.utf8.count),
            userCode.unicodeScalars.allSatisfy({ ![.control, .format].contains($0.properties.generalCategory) })
        else { throw Malformed(reason: "it holds no user code") }
        // Some wrote it before the RFC and still do: `verification_url`.
        guard let address = members["verification_uri"]?.asText ?? members["verification_url"]?.asText,
            Self.isForPeople(address, allowHTTP: allowHTTP)
        else { throw Malformed(reason: "its verification_uri is missing or no address that people may be sent to") }
        guard let lifetime = members["expires_in"]?.asSeconds else {
            throw Malformed(reason: "it does not say when it expires")
        }
        self.init(
            deviceCode: Secret(deviceCode), userCode: userCode, verificationURI: address,
            expiresIn: min(lifetime, Self.longestLifetime),
            interval: members["interval"]?.asSeconds ?? Self.usualInterval)
        // A convenience: one that nobody may be sent to is as good as none.
        verificationURIComplete = members["verification_uri_complete"]?.asText.flatMap {
            Self.isForPeople($0, allowHTTP: allowHTTP) ? $0 : nil
        }
    }

    /// As strict as with endpoints, but that people's addresses may have a fragment.
    private static func isForPeople(_ address: String, allowHTTP: Bool) -> Bool {
        let text = address.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false).joined(separator: "/")
        guard address.utf8.count <= 2048, let url = try? EndpointURL(text) else { return false }
        return url.isSafe(allowHTTP: allowHTTP)
    }
}
