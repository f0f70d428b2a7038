import OAuth
import ProviderProfiles

extension ImportResult {
    /// The same, and each profile passes its own check: what strangers wrote and no profile can hold is left out and told.
    /// A profile that is nothing without it is refused. What people read holds nothing that a terminal obeys.
    func mended() throws(ImportFailure) -> ImportResult {
        var mended: [ImportedProfile] = []
        var refusal: ProfileProblem?
        for profile in profiles {
            switch Self.mend(profile) {
            case .success(var profile):
                profile.needs = profile.needs.compactMap(ProfileDraft.line)
                profile.repairs = profile.repairs.compactMap(ProfileDraft.line)
                profile.warnings = profile.warnings.compactMap(ProfileDraft.line)
                mended.append(profile)
            case .failure(let problem): refusal = refusal ?? problem
            }
        }
        if let refusal, mended.isEmpty {
            let place = ProfileDraft.line(refusal.path) ?? "its top"
            let why = ProfileDraft.line(refusal.message) ?? "cannot be used"
            throw ImportFailure("No profile can be made of what the file says at \(place): it \(why).")
        }
        return ImportResult(profiles: mended)
    }

    /// One thing at a time, sixty-four at most: what is left out may take other complaints with it.
    private static func mend(_ profile: ImportedProfile) -> Result<ImportedProfile, ProfileProblem> {
        var profile = profile
        var pass = 0
        var last = ""
        while true {
            let problems = ProfileCheck.problems(in: Array(profile.file.utf8), file: profile.name)
            guard let problem = problems.first else { return .success(profile) }
            pass += 1
            guard pass <= 64 else { return .failure(problem) }
            let path = problem.path.split(separator: "/").map { part in
                String(part).split(separator: "~1", omittingEmptySubsequences: false).joined(separator: "/")
                    .split(separator: "~0", omittingEmptySubsequences: false).joined(separator: "~")
            }
            // What was marked a secret goes with its mark, or not at all.
            let isMark = path.count == 3 && path.first == "fields" && path.last == "secret"
            // What is missed once it is gone goes with what it belongs to.
            let removed = isMark || problem.path == last ? path.dropLast() : path[...]
            last = problem.path
            guard !removed.isEmpty, case .object(let document)? = removing(removed, from: .object(profile.document))
            else { return .failure(problem) }
            var said = "What stands at \(ProfileDraft.line(problem.path) ?? "its top") cannot be used and was left out."
            if isMark, let index = Int(path[1]), case .array(let fields)? = profile.document["fields"],
                case .object(let field) = fields[index], case .string(let name)? = field["name"]
            {
                said =
                    "The field '\(ProfileDraft.line(name) ?? "")' is a secret that no profile can hold: who puts it into requests?"
            }
            profile.document = document
            // Where the credential goes and where it comes from only a person can say now.
            if isMark || ["hosts", "authorization_server"].contains(path[0]) {
                profile.needs.append(said)
                profile.document["needs"] = .array(
                    profile.needs.map { .string(ProfileDraft.line($0) ?? "") }.filter { $0 != .string("") })
            } else if profile.repairs.last != said {
                profile.repairs.append(said)
            }
        }
    }

    /// nil where nothing stands at the path.
    private static func removing(_ path: ArraySlice<String>, from value: JSONValue) -> JSONValue? {
        guard let name = path.first else { return nil }
        let rest = path.dropFirst()
        switch value {
        case .object(var object):
            guard let inner = object[name] else { return nil }
            object[name] = rest.isEmpty ? nil : removing(rest, from: inner)
            if !rest.isEmpty, object[name] == nil { return nil }
            return .object(object)
        case .array(var elements):
            guard let index = Int(name), elements.indices.contains(index) else { return nil }
            if rest.isEmpty {
                elements.remove(at: index)
            } else {
                guard let inner = removing(rest, from: elements[index]) else { return nil }
                elements[index] = inner
            }
            return .array(elements)
        default: return nil
        }
    }
}
