import OAuth
import Testing

@testable import ProviderProfiles

/// A profile of each kind that is right as it stands, for tests that change one thing about it.
enum Sample {
    static let oauth2 = """
        {"provider":"sample","title":"Sample","kind":"oauth2",
         "fields":[{"name":"host","title":"Host","default":"as.example","pattern":"[a-z0-9.-]+"}],
         "authorization_server":{"authorization_endpoint":"https://{host}/authorize","token_endpoint":"https://{host}/token"},
         "apply":{"headers":{"Authorization":"Bearer {access_token}"}},"hosts":["api.{host}"]}
        """

    static let apiKey = """
        {"provider":"sample","title":"Sample","kind":"api_key","apply":{"headers":{"X-API-Key":"{api_key}"}}}
        """

    /// The sample with members replaced by others, written as JSON; nil takes one away.
    static func changed(_ source: String = oauth2, _ changes: [(String, String?)]) throws -> [UInt8] {
        guard case .object(var members) = try JSONReader.read(Array(source.utf8)) else { return [] }
        for (name, text) in changes {
            members[name] = nil
            if let text { members[name] = try JSONReader.read(Array(text.utf8)) }
        }
        return Array(JSONValue.object(members).serialized().utf8)
    }

    static func profile(_ source: String = oauth2, _ changes: [(String, String?)] = []) throws -> ProviderProfile {
        try ProviderProfile.decode(try changed(source, changes), file: "sample.json", allowHTTP: false).get()
    }

    static func problems(_ source: String = oauth2, _ changes: [(String, String?)]) throws -> [ProfileProblem] {
        ProfileCheck.problems(in: try changed(source, changes), file: "sample.json")
    }
}

extension ProviderProfile {
    /// The provider with its holes filled, where that must work.
    func filled(_ fields: [String: String] = [:], allowHTTP: Bool = false) throws -> Provider {
        try provider(fields: fields, allowHTTP: allowHTTP).get()
    }

    /// What is wrong with the fields; empty when nothing is.
    func problems(with fields: [String: String], allowHTTP: Bool = false) -> String {
        if case .failure(let problems) = provider(fields: fields, allowHTTP: allowHTTP) { "\(problems)" } else { "" }
    }
}

func bundled(_ name: String) throws -> ProviderProfile {
    try #require(try ProviderCatalog.load()[name])
}
