import Foundation
import OAuth
import Sealing

/// A grant that came from a provider and is not in the store yet.
struct UnwrittenGrant: Sendable {
    let key: ConnectionKey
    /// The version that it takes the place of.
    let replaced: Int
    let grant: Grant
    /// Whether somebody consented to it; else a refresh brought it.
    let isConsent: Bool

    // MARK: In the spool

    private static let idLength = 16

    /// `id(16) box`. The box is sealed for the id: a record that was torn, or pieced together from two, does not open.
    func sealed(by keyRing: KeyRing, id: [UInt8]) throws(SealingError) -> [UInt8] {
        precondition(id.count == Self.idLength)
        let box = try keyRing.seal(Array(JSONValue.object(serialized).serialized().utf8), as: Self.context(id))
        return id + box.bytes
    }

    /// nil for what does not open: torn, foreign, or damaged.
    init?(record: [UInt8], openedBy keyRing: KeyRing) {
        guard record.count > Self.idLength, let box = try? SealedBox(Array(record[Self.idLength...])),
            let opened = try? keyRing.open(box, as: Self.context(Array(record[..<Self.idLength]))),
            case .object(let members)? = try? JSONReader.read(
                opened.copy(), limits: JSONReader.Limits(bytes: 1 << 20, depth: 8, members: 10_000))
        else { return nil }
        self.init(members)
    }

    init(key: ConnectionKey, replaced: Int, grant: Grant, isConsent: Bool = false) {
        self.key = key
        self.replaced = replaced
        self.grant = grant
        self.isConsent = isConsent
    }

    private static func context(_ id: [UInt8]) -> SealContext {
        SealContext(table: .spool, column: .payload, record: id.hexadecimal, version: 1)
    }

    // MARK: As JSON

    private var serialized: JSONObject {
        var members = JSONObject([
            ("connection", .string(key.id.string)), ("created_at", .number(key.createdAt)),
            ("replaced", .number(JSONNumber(replaced))), ("version", .number(JSONNumber(grant.version))),
            ("scopes", .array(grant.scopes.map { .string($0) })),
            (
                "attributes",
                .object(JSONObject(grant.attributes.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
            ),
        ])
        members["credential"] = grant.credential.map { .string(Data($0.bytes).base64EncodedString()) }
        members["refresh"] = grant.refresh.map { .string(Data($0.bytes).base64EncodedString()) }
        members["proof_key"] = grant.proofKey.map { .string(Data($0.bytes).base64EncodedString()) }
        members["subject"] = grant.subject.map { .string(Data($0.bytes).base64EncodedString()) }
        members["account"] = grant.account.map { .string($0) }
        members["account_key"] = grant.accountKey.map { .string($0) }
        members["issued_at"] = grant.issuedAt.map { .number($0) }
        members["expires_at"] = grant.expiresAt.map { .number($0) }
        members["refresh_token_expires_at"] = grant.refreshTokenExpiresAt.map { .number($0) }
        members["refresh_at"] = grant.refreshAt.map { .number($0) }
        if isConsent { members["consent"] = .bool(true) }
        members["last_refreshed_at"] = grant.lastRefreshedAt.map { .number($0) }
        return members
    }

    private init?(_ members: JSONObject) {
        func text(_ name: String) -> String? {
            if case .string(let text)? = members[name] { text } else { nil }
        }
        func number(_ name: String) -> Int? {
            if case .number(let number)? = members[name] { number.int } else { nil }
        }
        func moment(_ name: String) -> Timestamp? { number(name).map { Timestamp(milliseconds: Int64($0)) } }
        func box(_ name: String) -> SealedBox? {
            text(name).flatMap { Data(base64Encoded: $0) }.flatMap { try? SealedBox(Array($0)) }
        }
        guard let id = text("connection").flatMap({ ConnectionID($0) }), let createdAt = moment("created_at"),
            let replaced = number("replaced"), let version = number("version"), let credential = box("credential"),
            case .array(let scopes)? = members["scopes"], case .object(let kept)? = members["attributes"]
        else { return nil }
        var attributes: [String: String] = [:]
        for case (let name, .string(let value)) in kept.pairs { attributes[name] = value }
        key = ConnectionKey(id: id, createdAt: createdAt)
        self.replaced = replaced
        if case .bool(true)? = members["consent"] { isConsent = true } else { isConsent = false }
        grant = Grant(
            version: version, credential: credential, refresh: box("refresh"), proofKey: box("proof_key"),
            subject: box("subject"), scopes: scopes.compactMap { if case .string(let text) = $0 { text } else { nil } },
            attributes: attributes, account: text("account"), accountKey: text("account_key"),
            issuedAt: moment("issued_at"), expiresAt: moment("expires_at"),
            refreshTokenExpiresAt: moment("refresh_token_expires_at"), refreshAt: moment("refresh_at"),
            lastRefreshedAt: moment("last_refreshed_at"))
    }
}

extension JSONValue {
    fileprivate static func number(_ moment: Timestamp) -> JSONValue { .number(JSONNumber(Int(moment.milliseconds))) }
}
