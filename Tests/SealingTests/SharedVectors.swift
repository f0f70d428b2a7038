import Foundation

/// Vectors that stand beside the project, not in it: at $CREDENCE_SHARED, or in `shared` next to the package.
enum SharedVectors {
    static let folder: URL = {
        if let folder = ProcessInfo.processInfo.environment["CREDENCE_SHARED"] { return URL(fileURLWithPath: folder) }
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return package.deletingLastPathComponent().appendingPathComponent("shared")
    }()

    static let path = folder.path
    static let areHere = FileManager.default.fileExists(atPath: folder.appendingPathComponent("vectors").path)

    static func decode<Value: Decodable>(_ type: Value.Type, from path: String) throws -> Value {
        let file = folder.appendingPathComponent("vectors").appendingPathComponent(path)
        return try JSONDecoder().decode(type, from: try Data(contentsOf: file))
    }
}

/// A file of project Wycheproof.
struct Wycheproof<Group: Decodable>: Decodable {
    let testGroups: [Group]
}

/// A file of values that an RFC prints.
struct Printed<Vector: Decodable>: Decodable {
    let vectors: [Vector]
}
