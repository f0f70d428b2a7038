import Broker
import BrokerTesting
import Crypto
import Foundation
import OAuth

/// What the tests of the servers that stand for known ones have in common.
extension App {
    /// RSA keys take a moment, so that all tests have the same.
    static let keyPair = SigningKeyPair()

    /// A request to the token endpoint with the client's ID and secret in the body.
    func token(_ form: [(String, String)], headerFields: [String: String] = [:]) async throws -> Wire.Answer {
        try await bare(form + [("client_id", "app"), ("client_secret", "app-secret")], headerFields: headerFields)
    }

    /// The same without anything added.
    func bare(_ form: [(String, String)], headerFields: [String: String] = [:]) async throws -> Wire.Answer {
        try await Wire.post(server.url(\.token), form, headerFields: headerFields)
    }

    /// Consent and exchange for this scope.
    func tokens(
        scope: String, authorization: [(String, String)] = [], exchange: [(String, String)] = []
    ) async throws -> Wire.Answer {
        let code = try await authorize { query in
            query.set("scope", scope)
            for (name, value) in authorization { query.set(name, value) }
        }["code"]
        return try await self.exchange(code: code ?? "") { form in
            for (name, value) in exchange { form.set(name, value) }
        }
    }

    func refresh(_ token: String?, scope: String) async throws -> Wire.Answer {
        try await self.token([
            ("grant_type", "refresh_token"), ("refresh_token", token ?? ""), ("scope", scope),
        ])
    }

    /// A request with HTTP Basic and JSON, or with a token.
    func call(_ method: String, _ path: String, authorization: String, json: String = "") async throws -> Wire.Answer {
        try await Wire.send(
            method, server.issuer + path,
            headerFields: ["Authorization": authorization, "Content-Type": "application/json"], body: json)
    }

    static let basic = "Basic " + Data("app:app-secret".utf8).base64EncodedString()

    /// The claims of a JWT, unproven.
    static func claims(of token: String?) -> String {
        let parts = (token ?? "").split(separator: ".")
        guard parts.count == 3 else { return "" }
        let usual = parts[1].map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
        let padded = String(usual) + String(repeating: "=", count: (4 - usual.count % 4) % 4)
        return String(decoding: Data(base64Encoded: padded) ?? Data(), as: UTF8.self)
    }
}

/// By another way than the double's own.
enum ProviderModesThumbprints {
    static func sha256(_ bytes: [UInt8]) -> String { Array(SHA256.hash(data: bytes)).base64URL }
    static func sha1(_ bytes: [UInt8]) -> String { Array(Insecure.SHA1.hash(data: bytes)).base64URL }
}
