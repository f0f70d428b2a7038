import ProviderImport
import ProviderProfiles

/// What of other people's descriptions is fuzzed, by name.
enum ImportTarget: String, CaseIterable, Sendable {
    /// `apiProperties.json`; or that, a line that is only `---`, and the Swagger file.
    case connectors
    case openapi
    case postman

    /// What is wrong with what is made of an input; empty when all is well. Each input is imported or refused.
    func faults(_ input: [UInt8]) -> [String] {
        let result: ImportResult
        do throws(ImportFailure) {
            result = try read(input)
        } catch {
            return error.description.isEmpty ? ["refused without a word"] : []
        }
        return result.profiles.flatMap(faults) + (result.profiles.isEmpty ? ["neither a profile nor a refusal"] : [])
    }

    private func read(_ input: [UInt8]) throws(ImportFailure) -> ImportResult {
        switch self {
        case .connectors:
            let lines = input.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            guard let cut = lines.firstIndex(where: { $0.elementsEqual("---".utf8) }) else {
                return try PowerPlatformImport.read(apiProperties: input, swagger: nil, name: "fuzzed")
            }
            let parts = (lines[..<cut], lines[(cut + 1)...])
            return try PowerPlatformImport.read(
                apiProperties: cut == 0 ? nil : Array(parts.0.joined(separator: [UInt8(ascii: "\n")])),
                swagger: Array(parts.1.joined(separator: [UInt8(ascii: "\n")])), name: "fuzzed")
        case .openapi: return try OpenAPIImport.read(input, name: "fuzzed")
        case .postman: return try PostmanImport.read(input, name: "fuzzed")
        }
    }

    private func faults(of profile: ImportedProfile) -> [String] {
        // Whatever was read, what is written can be used: a profile that its own check refuses helps nobody.
        var faults = ProfileCheck.problems(in: Array(profile.file.utf8), file: "\(profile.name).json").map {
            "\(profile.name): \($0)"
        }
        // For people, in a terminal.
        for text in profile.needs + profile.repairs + profile.warnings + [profile.name]
        where text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            faults.append("\(profile.name): a text that a terminal obeys")
        }
        return faults
    }
}
