import Foundation

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
    let profile: JSONObject
    let response: JSONObject
    let expectation: JSONObject

    var description: String { id }

    static func all(of kinds: Set<String>) -> [ForeignCase] {
        guard let text = try? String(contentsOf: Shared.file("oauth-cases/cases.jsonl"), encoding: .utf8) else {
            return []
        }
        return text.split(separator: "\n").compactMap { line in
            guard let value = try? JSONReader.read(Array(line.utf8)), let kind = value[path: "kind"]?.text,
                kinds.contains(kind), let id = value[path: "id"]?.text
            else { return nil }
            return ForeignCase(
                id: id, kind: kind, profile: value[path: "request_context.profile"]?.members ?? JSONObject(),
                response: value[path: "response"]?.members ?? JSONObject(),
                expectation: value[path: "expect"]?.members ?? JSONObject())
        }
    }
}
