import ArgumentParser
import OAuth

struct ConnectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connections", abstract: "Connections: one owner's grant or secret at one provider.",
        subcommands: [
            Add.self, List.self, Show.self, Connect.self, Status.self, Introspect.self, Disable.self, Enable.self,
            Remove.self,
        ])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a connection.",
            discussion: """
                Example: credence connections add acme-crm --client crm --owner alice --label team=sales
                Example: credence connections add text-analytics --provider api-key --field header=Ocp-Apim-Subscription-Key
                Example: credence connections add nightly --client jobs --grant client_credentials
                Example: credence connections add notes --resource https://mcp.example.com/mcp
                """)

        @Argument(help: "The connection's ID: letters, digits and . _ -") var id: String
        @Option(help: "The client whose registration it uses.") var client: String?
        @Option(help: "The provider, for API keys and Basic, or when only one client is registered there.")
        var provider: String?
        @Option(
            help:
                "How the credential is come by: authorization_code, client_credentials, jwt-bearer, device_code or token-exchange."
        )
        var grant: String?
        @Option(name: .customLong("field"), help: ArgumentHelp("A field of the profile.", valueName: "k=v"))
        var fields: [String] = []
        @Option(name: .customLong("scope"), help: "A scope to ask for, in place of the client's.") var scopes:
            [String] = []
        @Option(
            name: .customLong("resource"),
            help: ArgumentHelp(
                "Where the token is used (RFC 8707); alone, it finds its authorization server by itself (RFC 9728).",
                valueName: "url"))
        var resources: [String] = []
        @Flag(help: "For token-exchange: read the subject token from standard input.") var subjectTokenStdin = false
        @Option(help: "Whose connection it is.") var owner: String?
        @Option(name: .customLong("label"), help: ArgumentHelp("A label, for callers' rules.", valueName: "k=v"))
        var labels: [String] = []
        @OptionGroup var common: CommonOptions

        func run() async throws {
            var members: [(String, JSONValue)] = [("id", .string(try segment(id)))]
            if let client { members.append(("client", .string(client))) }
            if let provider { members.append(("provider", .string(provider))) }
            members.append(("fields", .map(try keyValues(fields, option: "--field"))))
            if let grant { members.append(("grant", .string(grant))) }
            if !scopes.isEmpty { members.append(("scopes", .strings(scopes))) }
            if !resources.isEmpty { members.append(("resource", .strings(resources))) }
            if subjectTokenStdin, let token = try Terminal.secret(fromStandardInput: true, file: nil, prompt: "") {
                members.append(("secret", .object(JSONObject([("subject_token", .string(token))]))))
            }
            if let owner { members.append(("owner", .string(owner))) }
            members.append(("labels", .map(try keyValues(labels, option: "--label"))))
            let body = JSONValue.object(JSONObject(members))
            let answer = try await common.withAPI { try await $0.call(.post, "/v1/connections", body) }
            if common.json { return Terminal.say(answer.serialized()) }
            Terminal.say("added \(id)")
            let connection = answer["connection"]
            if let client = connection?["client"]?.string, client != self.client, provider == nil {
                Terminal.say("client: \(client)")
            }
            if answer["consent"] != nil {
                Terminal.say("next: credence connections connect \(id)")
            } else if connection?["grant"]?.string == GrantType.tokenExchange.rawValue,
                connection?["status"]?.string == "pending"
            {
                Terminal.say("next: credence secrets set \(id) (the subject token)")
            } else if connection?["kind"]?.string == "oauth2" {
                let reason = connection?["reason"]?.string.map { " (\($0))" } ?? ""
                Terminal.say("status: \(connection?["status"]?.string ?? "unknown")\(reason)")
            } else {
                Terminal.say("next: credence secrets set \(id)")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List connections.",
            discussion: """
                Example: credence connections list --status reauthorization_required
                Example: credence connections list --expiring
                Example: credence connections list --due
                """)

        @Option(help: "Only those with this status.") var status: String?
        @Option(name: .customLong("label"), help: ArgumentHelp("Only those with this label.", valueName: "k=v"))
        var labels: [String] = []
        @Flag(help: "Only those whose refresh token ends within two weeks, and when.") var expiring = false
        @Flag(help: "Those that are to be refreshed, the next first, and when.") var due = false
        @OptionGroup var common: CommonOptions

        func run() async throws {
            var query = Parameters([("limit", "500")])
            if let status { query.append("status", status) }
            for (key, value) in try keyValues(labels, option: "--label").sorted(by: { $0.key < $1.key }) {
                query.append("label", "\(key):\(value)")
            }
            var found = try await common.withAPI { [query] api in
                var all: [JSONValue] = []
                var page = query
                while true {
                    let answer = try await api.call(.get, "/v1/connections?\(page.formURLEncoded)")
                    all += answer["connections"]?.elements ?? []
                    guard let next = answer["next_cursor"]?.string else { return all }
                    page.set("cursor", next)
                }
            }
            if expiring {
                found = found.filter { connection in
                    connection["warnings"]?.elements.contains { $0["code"]?.string == "refresh_token_expiring" }
                        ?? false
                }
            }
            if due {
                let moment = { (connection: JSONValue) in connection["refresh_at"]?.string ?? "" }
                // RFC 3339 in UTC sorts as text.
                found = found.filter { !moment($0).isEmpty }.sorted { moment($0) < moment($1) }
            }
            if common.json {
                return Terminal.say(JSONValue.object(JSONObject([("connections", .array(found))])).serialized())
            }
            let (title, member) =
                due
                ? ("refresh due", "refresh_at")
                : expiring ? ("refresh ends", "refresh_token_expires_at") : ("expires", "expires_at")
            Terminal.table(
                ["id", "provider", "status", "owner", title],
                found.map { connection in
                    ["id", "provider", "status", "owner", member].map { connection[$0]?.display ?? "-" }
                })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a connection, without its secrets.",
            discussion: "Example: credence connections show acme-crm")
        @Argument(help: "The connection's ID.") var id: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let path = "/v1/connections/\(try segment(id))"
            let shown = try await common.withAPI { try await $0.call(.get, path) }
            if common.json { return Terminal.say(shown.serialized()) }
            Terminal.list(shown.members.map { ($0.0, $0.1.display) })
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a connection's status in a word.",
            discussion: "Example: test \"$(credence connections status acme-crm)\" = active")
        @Argument(help: "The connection's ID.") var id: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let path = "/v1/connections/\(try segment(id))"
            let shown = try await common.withAPI { try await $0.call(.get, path) }
            if common.json {
                let members = shown.members.filter { ["id", "status", "reason"].contains($0.0) }
                return Terminal.say(JSONValue.object(JSONObject(members)).serialized())
            }
            Terminal.say(shown["status"]?.string ?? "unknown")
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Hand out no credential of this connection until it is enabled.",
            discussion: "Example: credence connections disable acme-crm")
        @Argument(help: "The connection's ID.") var id: String
        @OptionGroup var common: CommonOptions
        func run() async throws { try await change(id, "disable", common) }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Enable a disabled connection.", discussion: "Example: credence connections enable acme-crm")
        @Argument(help: "The connection's ID.") var id: String
        @OptionGroup var common: CommonOptions
        func run() async throws { try await change(id, "enable", common) }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a connection; its tokens are revoked at the provider where it can.",
            discussion: "Example: credence connections remove acme-crm")
        @Argument(help: "The connection's ID.") var id: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let path = "/v1/connections/\(try segment(id))"
            let answer = try await common.withAPI { try await $0.call(.delete, path) }
            if common.json { return Terminal.say(answer == .null ? "{}" : answer.serialized()) }
            Terminal.say("removed \(id)")
            guard let revocation = answer["revocation"] else { return }
            let reason = revocation["reason"]?.display ?? ""
            Terminal.complain(
                revocation["status"]?.string == "pending"
                    ? "note: its tokens are not revoked at the provider yet (\(reason)); the service goes on trying."
                    : "note: the provider does not revoke its tokens (\(reason)); they end by themselves.")
        }
    }
}

private func change(_ id: String, _ verb: String, _ common: CommonOptions) async throws {
    let path = "/v1/connections/\(try segment(id))/\(verb)"
    let shown = try await common.withAPI { try await $0.call(.post, path) }
    Terminal.say(common.json ? shown.serialized() : "\(verb)d \(id)")
}
