import OAuth

/// Reads what a provider's errors mean: `errors` by code, `error_rules` by what else they say.
extension ProfileReader {
    private static let ruleMembers = ["error", "suberror", "codes", "status", "description", "act", "note"]

    mutating func errors(_ members: JSONObject) -> ErrorMap {
        var map: ErrorMap = [:]
        for (code, value) in object(members["errors"], "/errors")?.pairs ?? [] {
            map.byCode[code] = choice(value, join("/errors", code), OAuthError.Remedy.self)
        }
        for (index, value) in (array(members["error_rules"], "/error_rules", of: "rules") ?? []).enumerated() {
            if let rule = rule(value, "/error_rules/\(index)") { map.rules.append(rule) }
        }
        return map
    }

    private mutating func rule(_ value: JSONValue, _ path: String) -> ErrorMap.Rule? {
        guard let members = object(value, path, known: Self.ruleMembers) else { return nil }
        var rule = ErrorMap.Rule(remedy: choice(members["act"], "\(path)/act", OAuthError.Remedy.self) ?? .retry)
        rule.error = string(members["error"], "\(path)/error")
        rule.suberror = string(members["suberror"], "\(path)/suberror")
        _ = string(members["note"], "\(path)/note")
        rule.codes = numbers(members["codes"], "\(path)/codes")
        rule.statuses = numbers(members["status"], "\(path)/status")
        if !rule.statuses.isSubset(of: Self.refusals) {
            complain("\(path)/status", "must hold statuses of refusal, 400 to 499")
        }
        rule.descriptions = strings(members["description"], "\(path)/description") ?? []
        if rule.descriptions.contains("") {
            complain("\(path)/description", "must not hold an empty text: it is in every one")
        }
        if rule.error == nil, rule.suberror == nil, rule.codes.isEmpty, rule.statuses.isEmpty, rule.descriptions.isEmpty
        {
            complain(path, "fits every error: it names neither error, suberror, codes, status nor description")
        }
        return rule
    }

    /// What a server says when it did not do it. Below is success, above is trouble of its own.
    private static let refusals = Set(400...499)

    private mutating func numbers(_ value: JSONValue?, _ path: String) -> Set<Int> {
        var numbers: Set<Int> = []
        for (index, element) in (array(value, path, of: "whole numbers") ?? []).enumerated() {
            guard case .number(let number) = element, let int = number.int else {
                complain("\(path)/\(index)", "must be a whole number")
                continue
            }
            numbers.insert(int)
        }
        return numbers
    }
}
