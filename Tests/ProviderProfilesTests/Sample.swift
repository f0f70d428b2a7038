import OAuth
import Testing

@testable import ProviderProfiles

/// A profile that is right as it stands, for tests that change one thing about it.
enum Sample {
    static let oauth2 = """
        {"provider":"sample","title":"Sample","kind":"oauth2",
         "fields":[{"name":"host","title":"Host","default":"as.example","of":"client"},
                   {"name":"shop","title":"Shop","of":"connection"}],
         "authorization_server":{"authorization_endpoint":"https://{host}/authorize","token_endpoint":"https://{host}/token"},
         "apply":{"headers":{"Authorization":"Bearer {access_token}"}},"hosts":["api.{host}"]}
        """

    /// The sample with members replaced by others, written as JSON; nil takes one away.
    static func changed(_ changes: [String: String?]) throws -> [UInt8] {
        guard case .object(var members) = try JSONReader.read(Array(oauth2.utf8)) else { return [] }
        for (name, text) in changes.sorted(by: { $0.key < $1.key }) {
            members[name] = try text.map { try JSONReader.read(Array($0.utf8)) }
        }
        return Array(JSONValue.object(members).serialized().utf8)
    }

    static func profile(_ changes: [String: String?] = [:]) throws -> ProviderProfile {
        try ProviderProfile.decode(try changed(changes), file: "sample.json").get()
    }

    static func bundled(_ name: String) throws -> ProviderProfile {
        try #require(try ProviderCatalog.load()[name])
    }
}

extension ProviderProfile {
    func filled(
        client: [String: String] = [:], connection: [String: String] = [:], allowHTTP: Bool = false
    ) throws -> Provider {
        try provider(client: client, connection: connection, allowHTTP: allowHTTP).get()
    }

    /// What is wrong with the fields; empty when nothing is.
    func refusal(
        client: [String: String] = [:], connection: [String: String] = [:], allowHTTP: Bool = false
    ) -> String {
        switch provider(client: client, connection: connection, allowHTTP: allowHTTP) {
        case .success: ""
        case .failure(let problems): "\(problems)"
        }
    }
}
