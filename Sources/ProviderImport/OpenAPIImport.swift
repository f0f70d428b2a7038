import OAuth
import ProviderProfiles
import Yams

/// API descriptions: OpenAPI 2.0 (Swagger), 3.0 and 3.1, in JSON or YAML. What they say about security becomes profiles,
/// one for each alternative of their requirements.
public enum OpenAPIImport {
    /// - Parameters:
    ///   - bytes: the description; 16 MiB at most.
    ///   - name: what the profiles' names are made of.
    public static func read(_ bytes: [UInt8], name: String) throws(ImportFailure) -> ImportResult {
        let (root, repairs) = try LooseDocument.read(bytes)
        guard root["swagger"] != nil || root["openapi"] != nil else {
            throw ImportFailure("The file is no OpenAPI description: it has neither openapi nor swagger.")
        }
        let description = OpenAPIDescription(root)
        let base = ProfileDraft.name(name)
        let alternatives = description.alternatives
        if alternatives.isEmpty {
            var draft = description.draft(base, .none)
            draft.repairs = repairs
            draft.warnings.append("The description asks for no credential.")
            return try ImportResult(profiles: [draft.profile()]).mended()
        }
        var names: Set<String> = []
        let profiles = alternatives.prefix(32).map { alternative in
            var name = base
            if alternatives.count > 1 {
                name = ProfileDraft.name("\(base)-\(alternative.map(\.name).joined(separator: "-"))")
            }
            while !names.insert(name.asciiLowercased).inserted { name += "-2" }
            var draft = description.draft(for: alternative, name: name)
            draft.repairs = repairs + draft.repairs
            if alternatives.count > 1 {
                draft.imported["method"] = .string(
                    ProfileDraft.line(alternative.map(\.name).joined(separator: " ")) ?? "")
            }
            return draft.profile()
        }
        return try ImportResult(profiles: Array(profiles)).mended()
    }
}

/// A file that is JSON, or else YAML.
enum LooseDocument {
    /// Aliases make a small file large: so many values, and no more.
    private static let mostValues = 2_000_000

    static func read(_ bytes: [UInt8]) throws(ImportFailure) -> (LooseValue, repairs: [String]) {
        guard bytes.count <= LooseReader.largest else {
            throw ImportFailure("The file is larger than \(LooseReader.largest >> 20) MiB.")
        }
        let first = bytes.first { ![0x20, 0x09, 0x0A, 0x0D, 0xEF, 0xBB, 0xBF].contains($0) }
        if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") {
            guard let read = LooseReader.read(bytes), !read.value.members.isEmpty else {
                throw ImportFailure("The file is not JSON, and too far from it to be repaired.")
            }
            return (read.value, read.repairs)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ImportFailure("The file is neither JSON nor YAML: it is no UTF-8.")
        }
        // What YAML's own reader takes apart by calling itself must not be deep.
        guard Self.isShallow(bytes) else { throw ImportFailure("The file is nested too deep.") }
        do {
            guard let node = try Yams.compose(yaml: text) else { throw ImportFailure("The file is empty.") }
            var left = mostValues
            guard let value = value(node, depth: 0, &left), !value.members.isEmpty else {
                throw ImportFailure("The file is nested too deep, or its aliases make it too large.")
            }
            return (value, [])
        } catch let failure as ImportFailure {
            throw failure
        } catch {
            throw ImportFailure("The file is neither JSON nor YAML.")
        }
    }

    private static func isShallow(_ bytes: [UInt8]) -> Bool {
        var depth = 0
        for byte in bytes {
            if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") { depth += 1 }
            if byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") { depth = max(0, depth - 1) }
            if depth > 1000 { return false }
        }
        return true
    }

    private static func value(_ node: Node, depth: Int, _ left: inout Int) -> LooseValue? {
        left -= 1
        guard left > 0, depth < LooseReader.deepest else { return nil }
        switch node {
        case .scalar(let scalar):
            if scalar.style == .plain, ["", "~", "null"].contains(scalar.string.asciiLowercased) { return .null }
            return .string(scalar.string)
        case .sequence(let sequence):
            var elements: [LooseValue] = []
            for element in sequence {
                guard let value = value(element, depth: depth + 1, &left) else { return nil }
                elements.append(value)
            }
            return .array(elements)
        case .mapping(let mapping):
            var members: [(name: String, value: LooseValue)] = []
            for (key, element) in mapping {
                guard let value = value(element, depth: depth + 1, &left) else { return nil }
                members.append((key.string ?? "", value))
            }
            return .object(members)
        case .alias: return nil
        }
    }
}
