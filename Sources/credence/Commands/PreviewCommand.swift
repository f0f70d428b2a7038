import ArgumentParser
import HTTPTypes
import OAuth
import ProviderProfiles

/// What a profile makes of the standard's requests, with words in capitals where a value comes at run time.
struct PreviewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preview", abstract: "Show the requests that a profile makes, as JSON. Nothing is sent.",
        discussion: """
            Words in capitals stand for what comes at run time, unless you say what comes. `needs` names the fields that
            have still to be given.
            Example: credence providers preview oauth2 --field token_endpoint=https://login.example.com/token
            Example: credence providers preview ./my-crm.json --field tenant=acme --text
            """)
    @Argument(help: "A profile's name, or its file.") var profile: String
    @Option(name: .customLong("field"), help: ArgumentHelp("A field of the profile.", valueName: "k=v"))
    var fields: [String] = []
    @Option(name: .customLong("scope"), help: "A scope to ask for.") var scopes: [String] = []
    @Option(help: "client_secret_basic, client_secret_post or none; else what the profile prefers.") var auth: String?
    @Option(help: "The client_id to show.") var clientId = "CLIENT_ID"
    @Flag(help: "Read the client secret to show from standard input.") var clientSecretStdin = false
    @Option(help: "The redirect URI to show.") var redirectUri = "https://credence.example/callback/CLIENT"
    @Option(help: "The state to show.") var state = "STATE"
    @Option(help: "The code to show.") var code = "CODE"
    @Option(help: "The refresh token to show.") var refreshToken = "REFRESH_TOKEN"
    @Flag(help: "Show it as text, for people.") var text = false
    @OptionGroup var common: CommonOptions

    func run() async throws {
        if let auth, !Preview.authentications.contains(auth) {
            throw CommandFailure(.usage, "--auth is one of \(Preview.authentications.joined(separator: ", ")).")
        }
        let profile = try await found()
        var given = try keyValues(fields, option: "--field")
        var clientID = clientId
        // Some profiles ask for the client's own values among their fields; secrets stay holes.
        for field in profile.fields where !field.isPlain {
            guard let value = given.removeValue(forKey: field.name) else { continue }
            if field.meaning == .clientID { clientID = value }
        }
        let needs = profile.unanswered + profile.needs(given)
        guard profile.needs(given).isEmpty else {
            if text { throw CommandFailure(.usage, needs.joined(separator: " ")) }
            return Terminal.say(
                Self.lines(
                    JSONObject([
                        ("kind", .string(profile.kind.rawValue)), ("fields", Preview.fields(of: profile)),
                        ("needs", .strings(needs)),
                    ])))
        }
        let provider: Provider
        switch profile.provider(fields: given, allowHTTP: common.development) {
        case .success(let filled): provider = filled
        case .failure(let problems): throw CommandFailure(.usage, "\(problems)")
        }
        var preview = Preview(profile: profile, provider: provider)
        preview.scopes = scopes
        preview.authentication = auth
        preview.clientID = clientID
        if clientSecretStdin {
            guard let secret = try Terminal.secret(fromStandardInput: true, file: nil, prompt: "") else {
                throw Terminal.secretIsMissing()
            }
            preview.clientSecret = secret
        }
        preview.redirectURI = redirectUri
        preview.state = state
        preview.code = code
        preview.refreshToken = refreshToken
        Terminal.say(text ? preview.text : Self.lines(preview.json))
    }

    /// One member a line: for machines, and for eyes.
    private static func lines(_ members: JSONObject) -> String {
        let lines = members.pairs.map { "  \(JSONValue.string($0).serialized()): \($1.serialized())" }
        return "{\n\(lines.joined(separator: ",\n"))\n}"
    }

    private func found() async throws -> ProviderProfile {
        guard profile.hasSuffix(".json") || profile.contains("/") else {
            return try await Profiles.named(profile, common)
        }
        switch ProviderProfile.decode(
            try Profiles.bytes(of: profile), file: profile, allowHTTP: common.development)
        {
        case .success(let read): return read
        case .failure(let problems): throw CommandFailure(.failed, "\(problems)")
        }
    }
}
