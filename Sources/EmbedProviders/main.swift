import Foundation

// embed OUTPUT FILE…: writes a Swift file that holds the files' names and contents.
let arguments = CommandLine.arguments.dropFirst()
guard let output = arguments.first else {
    FileHandle.standardError.write(Data("usage: embed OUTPUT FILE…\n".utf8))
    exit(2)
}
var source = "/// The profiles of `providers/`, as they were when this was built.\nenum BundledProviders {\n"
source += "    static let files: [(name: String, bytes: [UInt8])] = [\n"
for path in arguments.dropFirst() {
    let url = URL(fileURLWithPath: path)
    // As text in base 64: a literal that no content can break, and that compiles at once.
    let encoded = try Data(contentsOf: url).base64EncodedString()
    source += "        (name: \"\(url.lastPathComponent)\", bytes: bytes(\"\(encoded)\")),\n"
}
source += """
        ]

        private static func bytes(_ base64: String) -> [UInt8] {
            Array(Data(base64Encoded: base64) ?? Data())
        }
    }

    """
try Data(("import Foundation\n\n" + source).utf8).write(to: URL(fileURLWithPath: output))
