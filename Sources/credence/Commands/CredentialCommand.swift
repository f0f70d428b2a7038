import ArgumentParser
import OAuth

/// Where a secret comes from; never from an argument.
struct SecretOptions: ParsableArguments {
    @Flag(help: "Read the secret from standard input.") var secretStdin = false
    @Option(help: ArgumentHelp("Read the secret from a file.", valueName: "file")) var secretFile: String?

    var isGiven: Bool { secretStdin || secretFile != nil }

    func read(prompt: String) throws -> String? {
        try Terminal.secret(fromStandardInput: secretStdin, file: secretFile, prompt: prompt)
    }
}

struct CredentialCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credential", abstract: "Print what a runtime would get.",
        discussion: """
            Formats: json (the answer), token (the bare secret), header (lines for a request), env (for a shell to
            evaluate), curl (a configuration for curl -K, so that no secret becomes an argument).
            Example: credence credential acme-crm --format curl | curl -K - https://api.example.com/me
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case json, token, header, env, curl }

    @Argument(help: "The connection's ID.") var id: String
    @Option(help: ArgumentHelp("It must live this many seconds longer.", valueName: "seconds")) var minTtl: Int?
    @Option(help: "json, token, header, env or curl.") var format: Format = .json
    @OptionGroup var common: CommonOptions

    func run() async throws {
        let query = minTtl.map { "?min_ttl=\($0)" } ?? ""
        let path = "/v1/connections/\(try segment(id))/credential\(query)"
        let credential = try await common.withAPI { try await $0.call(.get, path) }
        for warning in credential["warnings"]?.elements ?? [] {
            Terminal.complain(
                "warning: \(warning["code"]?.display ?? "") since \(warning["since"]?.display ?? "") (\(warning["reason"]?.display ?? ""))"
            )
        }
        Terminal.say(Self.render(credential, as: common.json ? .json : format))
    }

    static func render(_ credential: JSONValue, as format: Format) -> String {
        switch format {
        case .json:
            return credential.serialized()
        case .token:
            if let token = credential["access_token"]?.string ?? credential["api_key"]?.string { return token }
            return "\(credential["username"]?.string ?? ""):\(credential["password"]?.string ?? "")"
        case .header:
            return (credential["headers"]?.members ?? []).map { "\($0.0): \($0.1.display)" }.joined(separator: "\n")
        case .env:
            return ["access_token", "api_key", "username", "password", "token_type", "expires_at"].compactMap { name in
                credential[name]?.string.map { "export CREDENCE_\(name.uppercased())=\(shellQuoted($0))" }
            }.joined(separator: "\n")
        case .curl:
            let headers = (credential["headers"]?.members ?? []).map {
                "header = \(curlQuoted("\($0.0): \($0.1.display)"))"
            }
            let query = Parameters((credential["query"]?.members ?? []).map { ($0.0, $0.1.display) })
            let lines =
                query.pairs.isEmpty ? headers : headers + ["url-query = \(curlQuoted("+" + query.formURLEncoded))"]
            return lines.joined(separator: "\n")
        }
    }

    private static func shellQuoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    private static func curlQuoted(_ text: String) -> String {
        "\"" + text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined() + "\""
    }
}
