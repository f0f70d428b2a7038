import Broker
import Hummingbird
import NIOCore
import OAuth

/// A request's JSON object, read strictly: unknown members, wrong types and duplicates are errors that name the member.
struct RequestObject {
    static let limit = 64 * 1024
    /// From the head to the last byte of the body (security case I18).
    static let deadline: Duration = .seconds(15)

    private let members: JSONObject
    private let path: String

    /// - Parameter known: every member that may stand there.
    init(_ request: Request, known: Set<String>, isOptional: Bool = false) async throws(BrokerError) {
        let bytes = try await Self.body(of: request)
        if bytes.isEmpty, isOptional {
            self.init(members: JSONObject([]), path: "")
            return
        }
        let value: JSONValue
        do {
            value = try JSONReader.read(bytes, limits: .init(bytes: Self.limit, depth: 8, members: 2000))
        } catch {
            throw .invalid("The body is not a JSON object: \(error)")
        }
        guard case .object(let members) = value else { throw .invalid("The body must be a JSON object.") }
        self.init(members: members, path: "")
        try checkKnown(known)
    }

    private init(members: JSONObject, path: String) {
        self.members = members
        self.path = path
    }

    private func checkKnown(_ known: Set<String>) throws(BrokerError) {
        for (name, _) in members.pairs where !known.contains(name) {
            throw .invalid(
                "There is no member \(name.prefix(64)) here; known are \(known.sorted().joined(separator: ", ")).",
                field: path + name.prefix(64))
        }
    }

    static func body(of request: Request) async throws(BrokerError) -> [UInt8] {
        let body = request.body
        let result: Result<ByteBuffer, BrokerError> = await withTaskGroup(of: Result<ByteBuffer, BrokerError>.self) {
            group in
            group.addTask {
                do {
                    return .success(try await body.collect(upTo: limit))
                } catch is NIOTooManyBytesError {
                    return .failure(
                        BrokerError(.payloadTooLarge, "The body is larger than 64 KiB.", actor: .caller))
                } catch {
                    return .failure(.invalid("The body ended early."))
                }
            }
            group.addTask {
                try? await Task.sleep(for: deadline)
                return .failure(.invalid("The body took longer than \(deadline.components.seconds) s."))
            }
            defer { group.cancelAll() }
            return await group.next()!
        }
        return Array(buffer: try result.get())
    }

    // MARK: Members

    func contains(_ name: String) -> Bool { members[name] != nil }

    func string(_ name: String) throws(BrokerError) -> String? {
        switch members[name] {
        case nil, .null?: return nil
        case .string(let text)?: return text
        default: throw wrong(name, "a string")
        }
    }

    func requiredString(_ name: String) throws(BrokerError) -> String {
        guard let text = try string(name) else { throw .invalid("\(path)\(name) is missing.", field: path + name) }
        return text
    }

    func strings(_ name: String) throws(BrokerError) -> [String] {
        guard let value = members[name], value != .null else { return [] }
        guard case .array(let elements) = value else { throw wrong(name, "a list of strings") }
        var texts: [String] = []
        for element in elements {
            guard case .string(let text) = element else { throw wrong(name, "a list of strings") }
            texts.append(text)
        }
        return texts
    }

    func map(_ name: String) throws(BrokerError) -> [String: String] {
        guard let value = members[name], value != .null else { return [:] }
        guard case .object(let pairs) = value else { throw wrong(name, "an object of strings") }
        var map: [String: String] = [:]
        for (key, value) in pairs.pairs {
            guard case .string(let text) = value else { throw wrong("\(name).\(key.prefix(64))", "a string") }
            map[key] = text
        }
        return map
    }

    func integer(_ name: String) throws(BrokerError) -> Int? {
        switch members[name] {
        case nil, .null?: return nil
        case .number(let number)?:
            guard let int = number.int else { throw wrong(name, "a whole number") }
            return int
        default: throw wrong(name, "a whole number")
        }
    }

    func moment(_ name: String) throws(BrokerError) -> Timestamp? {
        guard let text = try string(name) else { return nil }
        guard let moment = Timestamp(iso8601: text) else {
            throw wrong(name, "a date such as 2027-03-01 or 2027-03-01T12:00:00Z")
        }
        return moment
    }

    func object(_ name: String, known: Set<String>) throws(BrokerError) -> RequestObject? {
        switch members[name] {
        case nil, .null?: return nil
        case .object(let inner)?:
            let object = RequestObject(members: inner, path: "\(path)\(name).")
            try object.checkKnown(known)
            return object
        default: throw wrong(name, "an object")
        }
    }

    func identifier<Kind>(_ name: String, _: Kind.Type = Kind.self) throws(BrokerError) -> Identifier<Kind>? {
        guard let text = try string(name) else { return nil }
        return try Self.identifier(text, field: path + name)
    }

    static func identifier<Kind>(_ text: String, field: String) throws(BrokerError) -> Identifier<Kind> {
        guard let identifier = Identifier<Kind>(text) else {
            throw .invalid(
                "\(field) must begin with a letter or digit and hold at most 128 of A-Z a-z 0-9 . _ -", field: field)
        }
        return identifier
    }

    private func wrong(_ name: String, _ expected: String) -> BrokerError {
        .invalid("\(path)\(name) must be \(expected).", field: path + name)
    }

    func bool(_ name: String) throws(BrokerError) -> Bool? {
        switch members[name] {
        case nil, .null?: return nil
        case .bool(let value)?: return value
        default: throw wrong(name, "true or false")
        }
    }

    /// Any object, as it stands.
    func json(_ name: String) throws(BrokerError) -> JSONValue? {
        switch members[name] {
        case nil, .null?: return nil
        case .object(let object)?: return .object(object)
        default: throw wrong(name, "an object")
        }
    }

    /// `{"api_key": …}`, `{"username": …, "password": …}` or what a token exchange begins with (RFC 8693 §2.1).
    static let secretMembers: Set<String> = [
        "api_key", "fields", "secret", "username", "password", "subject_token", "subject_token_type", "actor_token",
        "actor_token_type",
    ]

    /// - Parameter others: members that say more than the secret.
    func secretValue(besides others: Set<String> = []) throws(BrokerError) -> SecretValue {
        if members.pairs.count(where: { !others.contains($0.0) }) == 1 {
            if contains("fields") { return .fields(try map("fields").mapValues { Secret($0) }) }
            if let secret = try string("secret") { return .only(Secret(secret)) }
        }
        if let key = try string("api_key"), !contains("username"), !contains("password") {
            return .apiKey(Secret(key))
        }
        if let username = try string("username"), let password = try string("password"), !contains("api_key") {
            return .basic(username: username, password: Secret(password))
        }
        if let token = try string("subject_token"), !contains("api_key"), !contains("username"), !contains("password") {
            return .subjectToken(
                SubjectToken(
                    token: Secret(token), type: try string("subject_token_type") ?? SubjectToken.accessTokenType,
                    actor: try string("actor_token").map { Secret($0) }, actorType: try string("actor_token_type")))
        }
        throw .invalid(
            #"The secret is {"api_key": …}, {"username": …, "password": …}, {"fields": {…}}, {"secret": …} or {"subject_token": …}."#,
            field: path.isEmpty ? "secret" : String(path.dropLast()))
    }
}
