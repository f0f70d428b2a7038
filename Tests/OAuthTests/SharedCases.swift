import Foundation
import HTTPTypes

@testable import OAuth

/// What stands beside the project, not in it: at $CREDENCE_SHARED, or in `shared` next to the package.
enum Shared {
    static let folder: URL = {
        if let folder = ProcessInfo.processInfo.environment["CREDENCE_SHARED"] { return URL(fileURLWithPath: folder) }
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return package.deletingLastPathComponent().appendingPathComponent("shared")
    }()

    static let hasCases = FileManager.default.fileExists(atPath: file("oauth-cases/cases.jsonl").path)
    static let hasVectors = FileManager.default.fileExists(atPath: file("vectors/rfc/pkce.json").path)

    static func file(_ path: String) -> URL { folder.appendingPathComponent(path) }

    static func json(_ path: String) throws -> JSONValue {
        try JSONReader.read(Array(try Data(contentsOf: file(path))))
    }
}

extension JSONValue {
    var text: String? { if case .string(let text) = self { text } else { nil } }
    var int: Int? { if case .number(let number) = self { number.int } else { nil } }
    var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
    var members: JSONObject { if case .object(let members) = self { members } else { JSONObject() } }
}

/// A case of the shared collection, as far as judging an answer needs it.
struct ForeignCase: CustomStringConvertible {
    let id: String
    let kind: String
    /// What it says of the request that was answered.
    let context: JSONObject
    let response: JSONObject
    let expectation: JSONObject

    var description: String { id }

    /// What the provider's profile must say.
    var profile: JSONObject { context["profile"]?.members ?? JSONObject() }

    static func all(of kinds: Set<String>) -> [ForeignCase] { everything.filter { kinds.contains($0.kind) } }

    private static let everything: [ForeignCase] = {
        guard let text = try? String(contentsOf: Shared.file("oauth-cases/cases.jsonl"), encoding: .utf8) else {
            return []
        }
        return text.split(separator: "\n").compactMap { line in
            guard let value = try? JSONReader.read(Array(line.utf8)), let kind = value[path: "kind"]?.text,
                let id = value[path: "id"]?.text
            else { return nil }
            return ForeignCase(
                id: id, kind: kind, context: value[path: "request_context"]?.members ?? JSONObject(),
                response: value[path: "response"]?.members ?? JSONObject(),
                expectation: value[path: "expect"]?.members ?? JSONObject())
        }
    }()
}

/// The answers of a case, as the server that plays them would send them.
extension ForeignCase {
    static let base = "http://127.0.0.1:8099"
    var issuer: String { "\(Self.base)/c/\(id)" }

    /// What a response may hold to be an answer as it stands; anything else is a fault on the wire.
    private static let plain: Set = ["status", "headers", "body", "body_b64", "reason", "repeat", "then"]

    /// Whether what follows is left to the server that plays the case: it answers as it should.
    var endsWell: Bool { response["then"]?.elements.last?.members["default"] == .bool(true) }

    /// The answer and those that follow it, the last of which repeats. nil where one of them is a fault on the wire.
    var answers: [EndpointResponse]? {
        var steps = [response] + (response["then"]?.elements.map(\.members) ?? [])
        if endsWell { steps.removeLast() }
        let answers = steps.compactMap(answer)
        return answers.count == steps.count ? answers : nil
    }

    private func answer(_ step: JSONObject) -> EndpointResponse? {
        guard Set(step.names).isSubset(of: Self.plain), let status = step["status"]?.int else { return nil }
        var fields = HTTPFields()
        for (name, value) in step["headers"]?.members.pairs ?? [] {
            guard let name = HTTPField.Name(name) else { return nil }
            for line in value.text.map({ [$0] }) ?? value.elements.compactMap(\.text) {
                fields.append(HTTPField(name: name, value: filled(line)))
            }
        }
        var body = Array(filled(step["body"]?.text ?? "").utf8)
        if let encoded = step["body_b64"]?.text { body = Array(Data(base64Encoded: encoded) ?? Data()) }
        if let count = step["repeat"]?.int { body = (0..<count).reduce(into: []) { all, _ in all += body } }
        return EndpointResponse(status: status, headerFields: fields, body: body)
    }

    func filled(_ text: String) -> String {
        let values = [
            "issuer": issuer, "base": Self.base, "host": "127.0.0.1:8099", "sink": "http://127.0.0.1:8100", "id": id,
            "client_id": id, "redirect_uri": "https://credence.example/callback/a", "state": "st", "code": "code-\(id)",
            "now+7200": "1900000000",
        ]
        return values.reduce(text) { $0.replacing("{{\($1.key)}}", with: $1.value) }
    }
}
