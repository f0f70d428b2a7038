import OAuth
import ProviderProfiles

/// Custom connectors of the Power Platform and Logic Apps: what `apiProperties.json` and a Swagger 2.0 file say about
/// credentials, made into profiles.
///
/// Nothing in such a file is refused for being unknown, and what is broken is repaired and told. What only a person
/// knows is a need of the profile: nothing is guessed, and no placeholder of an author ever gets into a request.
public enum PowerPlatformImport {
    /// - Parameters:
    ///   - apiProperties: the content of `apiProperties.json`.
    ///   - swagger: the content of the Swagger file, or of the part of it that is about security.
    ///   - name: what the connector is called; the profiles' names are made of it.
    public static func read(
        apiProperties: [UInt8]?, swagger: [UInt8]?, name: String
    ) throws(ImportFailure) -> ImportResult {
        var repairs: [String] = []
        var properties: LooseValue?
        if let apiProperties {
            guard apiProperties.count <= LooseReader.largest else {
                throw ImportFailure("apiProperties.json is larger than \(LooseReader.largest >> 20) MiB.")
            }
            guard let read = LooseReader.read(apiProperties), !read.value.members.isEmpty else {
                throw ImportFailure("apiProperties.json is not JSON, and too far from it to be repaired.")
            }
            repairs += read.repairs.map { "apiProperties.json: \($0)" }
            properties = read.value
        }
        var description: LooseValue?
        if let swagger {
            guard swagger.count <= LooseReader.largest else {
                throw ImportFailure("The Swagger file is larger than \(LooseReader.largest >> 20) MiB.")
            }
            if let read = LooseReader.read(swagger), !read.value.members.isEmpty {
                repairs += read.repairs.map { "The Swagger file: \($0)" }
                description = read.value
            } else if let found = SwaggerRescue.read(swagger) {
                repairs.append("The Swagger file is broken; what it says about hosts and security was taken out of it.")
                description = found
            } else if properties == nil {
                throw ImportFailure("The Swagger file is not JSON, and too far from it to be repaired.")
            } else {
                repairs.append("The Swagger file is broken beyond repair, and was left out.")
            }
        }
        guard properties != nil || description != nil else {
            throw ImportFailure("There is nothing to read: give apiProperties.json, a Swagger file, or both.")
        }
        let connector = PowerPlatformConnector(properties: properties, swagger: description, repairs: &repairs)
        let base = ProfileDraft.name(name)
        let sets =
            connector.sets.isEmpty
            ? [PowerPlatformConnector.Set(name: "", parameters: connector.parameters)] : connector.sets
        var names: Set<String> = []
        var profiles: [ImportedProfile] = []
        for set in sets.prefix(64) {
            var name = connector.sets.count > 1 ? ProfileDraft.name("\(base)-\(set.name)") : base
            while !names.insert(name.asciiLowercased).inserted { name += "-2" }
            var method = PowerPlatformMethod(connector: connector, parameters: set.parameters, name: name)
            method.draft.repairs = repairs
            if connector.sets.count > 1 {
                method.draft.imported["method"] = .string(ProfileDraft.line(set.name) ?? "")
            }
            profiles.append(method.profile())
        }
        return try ImportResult(profiles: profiles).mended()
    }
}

/// What can be had of a Swagger file that is no JSON: the few members that matter, each where it stands least deep.
enum SwaggerRescue {
    private static let wanted = ["host", "basePath", "schemes", "securityDefinitions", "security"]

    static func read(_ bytes: [UInt8]) -> LooseValue? {
        var notes: [String] = []
        guard let bytes = LooseReader.decoded(bytes, &notes) else { return nil }
        var best: [String: (indent: Int, place: Int)] = [:]
        var indent = 0
        var isLineStart = true
        var place = 0
        while place < bytes.count {
            switch bytes[place] {
            case 0x0A, 0x0D: (indent, isLineStart) = (0, true)
            case 0x20 where isLineStart: indent += 1
            case 0x09 where isLineStart: indent += 4
            case UInt8(ascii: "\""):
                for name in wanted {
                    guard let value = value(of: name, in: bytes, at: place) else { continue }
                    if best[name].map({ indent < $0.indent }) ?? true { best[name] = (indent, value) }
                }
                isLineStart = false
            default: isLineStart = false
            }
            place += 1
        }
        var members: [(name: String, value: LooseValue)] = []
        for name in wanted {
            if let found = best[name], let value = LooseReader.value(in: bytes, at: found.place) {
                members.append((name, value))
            }
        }
        return members.isEmpty ? nil : .object(members)
    }

    /// Where the value of a member begins, if its name stands at a place.
    private static func value(of name: String, in bytes: [UInt8], at start: Int) -> Int? {
        var place = start + 1
        for byte in name.utf8 {
            guard place < bytes.count, bytes[place] | 0x20 == byte | 0x20 else { return nil }
            place += 1
        }
        guard place < bytes.count, bytes[place] == UInt8(ascii: "\"") else { return nil }
        place += 1
        while place < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[place]) { place += 1 }
        guard place < bytes.count, bytes[place] == UInt8(ascii: ":") else { return nil }
        return place + 1
    }
}
