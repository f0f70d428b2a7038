import Foundation

// EmbedProvidersTool OUTPUT FOLDER: writes a Swift file that holds names and contents of the folder's *.json.

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("error: \(message)\n".utf8))
    exit(1)
}

guard CommandLine.arguments.count == 3 else { fail("usage: EmbedProvidersTool OUTPUT FOLDER") }
let output = URL(fileURLWithPath: CommandLine.arguments[1])
let folder = URL(fileURLWithPath: CommandLine.arguments[2])

/// A literal that no content can break: what is not plain visible ASCII is escaped.
func literal(_ text: String) -> String {
    let escaped = text.unicodeScalars.map { scalar in
        scalar == "\"" || scalar == "\\" || !(0x20...0x7E).contains(scalar.value)
            ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }
    return "\"\(escaped.joined())\""
}

do {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path(percentEncoded: false))
        .filter { $0.hasSuffix(".json") && !$0.hasPrefix(".") }
        .sorted()
    var lines = [
        "/// The profiles of `providers/`, as they were when this was built.", "enum BundledProviders {",
        "    static let files: [(name: String, content: String)] = [",
    ]
    for name in names {
        let file = folder.appending(path: name)
        guard let content = String(data: try Data(contentsOf: file), encoding: .utf8) else {
            fail("\(file.path(percentEncoded: false)) is not UTF-8")
        }
        lines.append("        (name: \(literal(name)), content: \(literal(content))),")
    }
    lines += ["    ]", "}", ""]
    try Data(lines.joined(separator: "\n").utf8).write(to: output)
} catch {
    fail("\(error)")
}
