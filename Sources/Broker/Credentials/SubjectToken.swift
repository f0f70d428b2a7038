public import OAuth

/// What a token exchange begins with (RFC 8693 §2.1): somebody's token, given by hand.
public struct SubjectToken: Sendable, Hashable {
    public var token: Secret
    /// A URI of RFC 8693 §3, such as `urn:ietf:params:oauth:token-type:access_token`.
    public var type: String
    /// Whoever acts for the subject.
    public var actor: Secret?
    public var actorType: String?

    public init(token: Secret, type: String, actor: Secret? = nil, actorType: String? = nil) {
        self.token = token
        self.type = type
        self.actor = actor
        self.actorType = actorType
    }

    public static let accessTokenType = "urn:ietf:params:oauth:token-type:access_token"

    func serialized() -> [UInt8] {
        var members = JSONObject([("token", .string(token.reveal())), ("type", .string(type))])
        members["actor"] = actor.map { .string($0.reveal()) }
        members["actor_type"] = actorType.map { .string($0) }
        return Array(JSONValue.object(members).serialized().utf8)
    }

    init?(serialized bytes: [UInt8]) {
        guard case .object(let members)? = try? JSONReader.read(bytes), case .string(let token)? = members["token"],
            case .string(let type)? = members["type"]
        else { return nil }
        self.init(token: Secret(token), type: type)
        if case .string(let actor)? = members["actor"] { self.actor = Secret(actor) }
        if case .string(let type)? = members["actor_type"] { actorType = type }
    }
}
