import Foundation
import Testing

@testable import OAuth

/// The shared cases of kind `id-token` and `jwks`, minted here the way their server mints them.
@Suite("ID tokens and key sets of the shared cases are judged as the cases say")
struct JOSECaseTests {
    static let now = 1_800_000_000

    /// By ID, what is not about judging a token.
    static let skipped = [
        "id-token--absent-openid-requested": "no token comes at all; that is the caller's to judge"
    ]

    struct Case: CustomStringConvertible {
        let id: String
        let context: JSONObject
        let response: JSONObject
        let outcome: String?
        let errorClass: String?

        var description: String { id }
        var issuer: String { "https://as.example/c/\(id)" }

        /// What the server fills in.
        func rendered(_ text: String) -> String {
            var text = text
            let values = [
                "issuer": issuer, "sink": "https://sink.example", "id": id, "client_id": "client",
                "jwk:rs1": TestKeys.rsa.publicKey.published(for: .rs256).serialized(),
                "jwk:es1": TestKeys.p256.publicKey.published(for: .es256).serialized(),
            ]
            for (name, value) in values { text = text.replacingOccurrences(of: "{{\(name)}}", with: value) }
            return text
        }
    }

    static let all: [Case] = {
        guard let text = try? String(contentsOf: Shared.file("oauth-cases/cases.jsonl"), encoding: .utf8) else {
            return []
        }
        return text.split(separator: "\n").compactMap { line in
            guard let value = try? JSONReader.read(Array(line.utf8)), let id = value[path: "id"]?.text,
                ["id-token", "jwks"].contains(value[path: "kind"]?.text)
            else { return nil }
            return Case(
                id: id, context: value[path: "request_context"]?.members ?? JSONObject(),
                response: value[path: "response"]?.members ?? JSONObject(),
                outcome: value[path: "expect.outcome"]?.text, errorClass: value[path: "expect.error_class"]?.text)
        }
    }()

    static let applicable = all.filter { skipped[$0.id] == nil }

    @Test(
        "Every case is judged", .enabled(if: Shared.hasCases, "the shared cases are not here"), arguments: applicable)
    func judged(_ foreign: Case) throws {
        var keys: JSONWebKeySet
        let isScripted = foreign.context["endpoint"]?.text == "jwks"
        let answer = isScripted ? foreign.response : try publishedKeys(foreign)
        let body = foreign.rendered(answer["body"]?.text ?? "")
        switch JSONWebKeySet.judge(EndpointResponse(answer["status"]?.int ?? 0, nil, body)) {
        case .keys(let set): keys = set
        case .unavailable:
            #expect(foreign.outcome == "reject" && foreign.errorClass == "transient")
            return
        case .malformed:
            #expect(foreign.outcome == "reject" && foreign.errorClass == nil)
            return
        }
        let supported = foreign.context["metadata"]?.members["id_token_signing_alg_values_supported"]?.elements
            .compactMap(\.text)
        var expected = IDToken.Expectation(
            issuers: [foreign.issuer], clientID: "client", keys: keys, now: Self.now)
        expected.algorithms = .init(SignatureAlgorithm.allowed(supported: supported ?? ["RS256", "ES256"]))
        expected.clientSecret = Secret(foreign.context["client_secret"]?.text ?? "s3cret-of-the-replay-as")
        expected.nonce = Secret("n-1")
        expected.accessToken = Secret("access-token")
        let verdict = IDToken.judge(Secret(try token(of: foreign)), expecting: expected)
        switch (verdict, foreign.outcome) {
        case (.valid, "token"), (.invalid, "reject"), (.unknownKey, "reject"): break
        default: Issue.record("\(foreign.id): judged \(verdict)")
        }
        // Only these two are worth asking for the keys again.
        let isAboutKeys = ["id-token--unknown-kid", "id-token--jku-header-ignored"].contains(foreign.id)
        if case .unknownKey = verdict { #expect(isAboutKeys) } else { #expect(!isAboutKeys) }
    }

    @Test("All of them apply but those that are named", .enabled(if: Shared.hasCases, "the shared cases are not here"))
    func counts() {
        #expect(Self.all.count >= 39)
        #expect(Self.applicable.count + Self.skipped.count == Self.all.count)
    }

    private func publishedKeys(_ foreign: Case) throws -> JSONObject {
        let names = foreign.context["jwks"]?.elements.compactMap(\.text) ?? ["rs1", "es1"]
        let keys = names.map { "{{jwk:\($0)}}" }.joined(separator: ",")
        return JSONObject([("status", .number(JSONNumber(200))), ("body", .string("{\"keys\":[\(keys)]}"))])
    }

    private func token(of foreign: Case) throws -> String {
        let name = foreign.context["endpoint"]?.text == "jwks" ? "setup_id_token" : "id_token"
        let spec = foreign.context[name]?.members ?? JSONObject()
        if let raw = spec["raw"]?.text { return raw }
        var minter = Minter(claims(of: foreign, spec["claims"]?.members ?? JSONObject()))
        let algorithm = spec["alg"]?.text ?? "RS256"
        let keyName = spec["key"]?.text ?? "rs1"
        minter.header["alg"] = .string(algorithm)
        switch spec["kid"] {
        case nil: minter.header["kid"] = .string(keyName)
        case .null?: minter.header["kid"] = nil
        case .object?: minter.header["kid"] = .null
        case let keyID?: minter.header["kid"] = keyID
        }
        for (name, value) in spec["header"]?.members.pairs ?? [] {
            let text = value.text.map { JSONValue.string(foreign.rendered($0)) }
            minter.header[name] = value == .null ? nil : text ?? value
        }
        let signAs = spec["sign_as"]?.text ?? minter.header["alg"]?.text ?? "none"
        minter.sign = try signer(keyName, signAs, foreign)
        return try mangled(minter.compact, spec["mangle"]?.text)
    }

    private func claims(of foreign: Case, _ changes: JSONObject) -> JSONObject {
        var claims = JSONObject([
            ("iss", .string(foreign.issuer)), ("sub", .string("user-1")), ("aud", .string("client")),
            ("iat", .number(JSONNumber(Self.now))), ("exp", .number(JSONNumber(Self.now + 300))),
            ("nonce", .string("n-1")),
        ])
        for (name, value) in changes.pairs {
            switch value {
            case .null: claims[name] = nil
            case .string(let text): claims[name] = .string(foreign.rendered(text))
            case .object(let directive):
                if case .number(let offset)? = directive["$now"] {
                    let time = Double(Self.now) + offset.double
                    claims[name] = .number(JSONNumber(validText: String(format: "%.1f", time)))
                } else if let token = directive["$at_hash"]?.text {
                    claims[name] = .string(SignatureAlgorithm.rs256.halfHash(of: token))
                } else {
                    claims[name] = directive["$null"] == nil ? value : .null
                }
            default: claims[name] = value
            }
        }
        return claims
    }

    private func signer(_ key: String, _ name: String, _ foreign: Case) throws -> ([UInt8]) -> [UInt8] {
        guard let algorithm = SignatureAlgorithm(rawValue: name) else { return { _ in [] } }
        switch key {
        case "client_secret", "rs1-as-hmac":
            let published = TestKeys.rsa.publicKey.published(for: .rs256).serialized()
            let secret = foreign.context["client_secret"]?.text ?? "s3cret-of-the-replay-as"
            let text = key == "client_secret" ? secret : published
            return { MAC.make($0, key: Array(text.utf8), algorithm: algorithm) ?? [] }
        default:
            let keys = ["rs1": TestKeys.rsa, "rs2": TestKeys.otherRSA, "es1": TestKeys.p256]
            let signingKey = try #require(keys[key], "\(foreign.id): no key \(key)")
            return { try! signingKey.sign($0, algorithm: algorithm) }
        }
    }

    private func mangled(_ compact: String, _ how: String?) throws -> String {
        let parts = compact.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        switch how {
        case nil: return compact
        case "sig"?: return "\(parts[0]).\(parts[1]).\(parts[2].hasPrefix("A") ? "B" : "A")\(parts[2].dropFirst())"
        case "payload"?:
            let payload = String(decoding: try #require(bytes(base64URL: parts[1])), as: UTF8.self)
            let changed = payload.replacingOccurrences(of: "user-1", with: "user-2")
            return "\(parts[0]).\(base64URL(Array(changed.utf8))).\(parts[2])"
        case "strip-sig"?: return "\(parts[0]).\(parts[1])."
        case "two-parts"?: return "\(parts[0]).\(parts[1])"
        case "five-parts"?: return "\(compact).x.y"
        case "pad"?: return "\(parts[0])=.\(parts[1]).\(parts[2])"
        default: throw JWS.Malformed(description: "no rule for \(how ?? "")")
        }
    }
}
