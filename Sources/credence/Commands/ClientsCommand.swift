import ArgumentParser
import OAuth

struct ClientsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clients", abstract: "Our registrations at providers.",
        subcommands: [Add.self, List.self, Show.self, Remove.self, SecretCommand.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Register a client.",
            discussion: """
                Prints the redirect URI to register at the provider.
                Example: credence clients add crm --provider oauth2 --client-id 1234 --secret-stdin \\
                    --field issuer=https://login.example.com --scope read --scope offline_access
                Example: credence clients add jobs --provider oauth2 --client-id 77 --auth private_key_jwt \\
                    --key-file jobs.pem --kid 2026-11 --field issuer=https://login.example.com
                """)
        @Argument(help: "The client's ID here: letters, digits and . _ -") var id: String
        @Option(help: "The provider's profile.") var provider: String
        @Option(help: "The client_id that the provider issued.") var clientId: String
        @Option(
            help:
                "client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt, tls_client_auth, self_signed_tls_client_auth or none; else what the secret is for."
        )
        var auth: String?
        @Option(name: .customLong("grant"), help: "A grant it is registered for; a new connection takes the first.")
        var grants: [String] = []
        @Flag(name: .customLong("dpop"), help: "Bind its tokens to a key of each connection (RFC 9449).")
        var isDPoPBound =
            false
        @Option(help: "RS256, PS256, ES256 or EdDSA; else what the key does first.") var signingAlg: String?
        @Option(name: .customLong("field"), help: ArgumentHelp("A field of the profile.", valueName: "k=v"))
        var fields: [String] = []
        @Option(name: .customLong("scope"), help: "A scope to ask for.") var scopes: [String] = []
        @OptionGroup var secret: SecretOptions
        @OptionGroup var key: KeyOptions
        @OptionGroup var common: CommonOptions

        func run() async throws {
            var members: [(String, JSONValue)] = [
                ("id", .string(try segment(id))), ("provider", .string(provider)), ("client_id", .string(clientId)),
                ("fields", .map(try keyValues(fields, option: "--field"))), ("scopes", .strings(scopes)),
            ]
            if let auth { members.append(("auth", .string(auth))) }
            if !grants.isEmpty { members.append(("grant_types", .strings(grants))) }
            if isDPoPBound { members.append(("dpop", .bool(true))) }
            if let signingAlg { members.append(("signing_alg", .string(signingAlg))) }
            if let key = try key.member() { members.append(key) }
            if secret.isGiven, let text = try secret.read(prompt: "") { members.append(("secret", .string(text))) }
            let body = JSONValue.object(JSONObject(members))
            let shown = try await common.withAPI { try await $0.call(.post, "/v1/clients", body) }
            if common.json { return Terminal.say(shown.serialized()) }
            Terminal.say("added \(id)")
            // Where no browser ever comes back there is nothing to register.
            if grants.isEmpty || grants.contains("authorization_code") { Self.say(shown["redirect_uri"], of: id) }
            if !secret.isGiven, key.keyFile == nil, key.assertionFile == nil, auth != "none" {
                Terminal.say("next: credence clients secret add \(id)")
            }
        }

        private static func say(_ shown: JSONValue?, of id: String) {
            let redirectURI = shown?.string ?? ""
            if redirectURI.hasPrefix(ServiceOptions.unknownPublicURL) {
                Terminal.say("redirect URI to register at the provider: PUBLIC_URL/callback/\(id)")
                Terminal.complain(
                    "note: the service has not run yet, so its public URL is not known: see --public-url.")
            } else {
                Terminal.say("redirect URI to register at the provider: \(redirectURI)")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the clients.", discussion: "Example: credence clients list")
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let answer = try await common.withAPI { try await $0.call(.get, "/v1/clients") }
            if common.json { return Terminal.say(answer.serialized()) }
            Terminal.table(
                ["id", "provider", "client_id", "secrets", "redirect_uri"],
                (answer["clients"]?.elements ?? []).map { client in
                    [
                        client["id"]?.display ?? "", client["provider"]?.display ?? "",
                        client["client_id"]?.display ?? "", String(client["secrets"]?.elements.count ?? 0),
                        redirectURI(in: client),
                    ]
                })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a client, without its secrets.", discussion: "Example: credence clients show crm")
        @Argument(help: "The client's ID.") var id: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let path = "/v1/clients/\(try segment(id))"
            let shown = try await common.withAPI { try await $0.call(.get, path) }
            if common.json { return Terminal.say(shown.serialized()) }
            // Of an address that nobody knows yet nothing else is made.
            let isKnown = shown["redirect_uri"]?.display.hasPrefix(ServiceOptions.unknownPublicURL) != true
            Terminal.list(
                shown.members.filter { isKnown || $0.0 != "admin_consent_url" }.flatMap { name, value in
                    name != "secrets"
                        ? [(name, name == "redirect_uri" ? redirectURI(in: shown) : value.display)]
                        : value.elements.map { secret in
                            let rest = secret.members.dropFirst().map { "\($0.0)=\($0.1.display)" }
                            return ("secret \(secret["number"]?.display ?? "?")", rest.joined(separator: ", "))
                        }
                })
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove a client that no connection uses.", discussion: "Example: credence clients remove crm")
        @Argument(help: "The client's ID.") var id: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let path = "/v1/clients/\(try segment(id))"
            try await common.withAPI { _ = try await $0.call(.delete, path) }
            Terminal.say(common.json ? "{}" : "removed \(id)")
        }
    }

    struct SecretCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "secret", abstract: "A client's secrets; several may overlap while one is rotated.",
            subcommands: [Add.self, Verify.self, Prefer.self, List.self, Remove.self])

        struct Add: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Add a secret or a key; it is used from now on, the others when the provider refuses it.",
                discussion: """
                    Example: credence clients secret add crm --secret-file new-secret.txt
                    Example: credence clients secret add graph --assertion-file /var/run/secrets/tokens/credence
                    Example: credence clients secret add jobs --key-file jobs.p12 --passphrase-file jobs.pass
                    """)
            @Argument(help: "The client's ID.") var id: String
            @Flag(help: "Keep it behind the others until it is preferred.") var standby = false
            @Option(help: ArgumentHelp("When the provider ends it.", valueName: "date")) var expiresAt: String?
            @OptionGroup var secret: SecretOptions
            @OptionGroup var key: KeyOptions
            @OptionGroup var common: CommonOptions

            func run() async throws {
                let member: (String, JSONValue)
                if let key = try key.member() {
                    member = key
                } else if let text = try secret.read(prompt: "Secret of client \(id): ") {
                    member = ("secret", .string(text))
                } else {
                    throw Terminal.secretIsMissing()
                }
                let path = "/v1/clients/\(try segment(id))/secrets"
                var members = [member]
                if standby { members.append(("standby", .bool(true))) }
                if let expiresAt { members.append(("expires_at", .string(expiresAt))) }
                let body = JSONValue.object(JSONObject(members))
                let shown = try await common.withAPI { try await $0.call(.post, path, body) }
                Terminal.say(
                    common.json ? shown.serialized() : "added secret \(shown["number"]?.display ?? "?") of \(id)")
            }
        }

        struct Verify: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Ask the provider whether it takes a secret, before it is preferred.",
                discussion: """
                    By a token call in the client's own name; where the provider does not give it one, by the refresh of a
                    connection, in which the other secrets stand behind this one.
                    Example: credence clients secret verify crm 4 --connection acme-crm
                    """)
            @Argument(help: "The client's ID.") var id: String
            @Argument(help: "The secret's number.") var number: Int
            @Option(help: ArgumentHelp("Refresh this connection with it.", valueName: "id")) var connection: String?
            @OptionGroup var common: CommonOptions

            func run() async throws {
                let path = "/v1/clients/\(try segment(id))/secrets/\(number)/verify"
                let body = JSONValue.object(JSONObject(connection.map { [("connection", .string($0))] } ?? []))
                let answer = try await common.withAPI { try await $0.call(.post, path, body) }
                if common.json { return Terminal.say(answer.serialized()) }
                Terminal.say(
                    answer["result"]?.string == "known"
                        ? "the provider knows secret \(number) of \(id), though it gives the client no token by itself"
                        : "the provider takes secret \(number) of \(id)")
            }
        }

        struct Prefer: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Use a secret first from now on; the others stay behind it.",
                discussion: "Example: credence clients secret prefer crm 4")
            @Argument(help: "The client's ID.") var id: String
            @Argument(help: "The secret's number.") var number: Int
            @OptionGroup var common: CommonOptions

            func run() async throws {
                let path = "/v1/clients/\(try segment(id))/secrets/\(number)/prefer"
                let shown = try await common.withAPI { try await $0.call(.post, path) }
                Terminal.say(common.json ? shown.serialized() : "secret \(number) of \(id) is used first now")
            }
        }

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "List a client's secrets by number, never by value.",
                discussion: "Example: credence clients secret list crm")
            @Argument(help: "The client's ID.") var id: String
            @OptionGroup var common: CommonOptions

            func run() async throws {
                let path = "/v1/clients/\(try segment(id))/secrets"
                let answer = try await common.withAPI { try await $0.call(.get, path) }
                if common.json { return Terminal.say(answer.serialized()) }
                Terminal.table(
                    ["number", "kind", "created", "expires"],
                    (answer["secrets"]?.elements ?? []).map { secret in
                        ["number", "kind", "created_at", "expires_at"].map { secret[$0]?.display ?? "-" }
                    })
            }
        }

        struct Remove: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Retire a secret by its number.", discussion: "Example: credence clients secret remove crm 1",
                aliases: ["retire"])
            @Argument(help: "The client's ID.") var id: String
            @Argument(help: "The secret's number.") var number: Int
            @OptionGroup var common: CommonOptions

            func run() async throws {
                let path = "/v1/clients/\(try segment(id))/secrets/\(number)"
                try await common.withAPI { _ = try await $0.call(.delete, path) }
                Terminal.say(common.json ? "{}" : "removed secret \(number) of \(id)")
            }
        }
    }
}

/// Where nobody knows yet how the service will be reached, a word stands for it.
private func redirectURI(in client: JSONValue) -> String {
    let text = client["redirect_uri"]?.display ?? ""
    guard text.hasPrefix(ServiceOptions.unknownPublicURL) else { return text }
    return "PUBLIC_URL" + text.dropFirst(ServiceOptions.unknownPublicURL.count)
}
