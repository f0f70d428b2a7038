import ArgumentParser
import OAuth

extension ConnectionsCommand {
    struct Connect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the link by which the owner consents; it lives for thirty minutes.",
            discussion: """
                With --device the owner enters a code at the provider instead, on any device; the verb waits for it.
                Example: credence connections connect acme-crm
                Example: credence connections connect build-agent --device
                """)
        @Argument(help: "The connection's ID.") var id: String
        @Option(
            help: ArgumentHelp(
                "Where the browser goes afterwards: one of the service's allowed URLs.", valueName: "url"))
        var returnTo: String?
        @Flag(help: "Show a code to enter at the provider (RFC 8628), and wait.") var device = false
        @Option(help: "Whom the provider should offer to sign in.") var loginHint: String?
        @Option(help: "consent, login, select_account, as the provider knows it.") var prompt: String?
        @Option(
            help: ArgumentHelp("Claims to ask for, as JSON (OpenID Connect Core, section 5.5).", valueName: "json"))
        var claims: String?
        @Option(name: .customLong("parameter"), help: ArgumentHelp("Another parameter.", valueName: "k=v"))
        var parameters: [String] = []
        @OptionGroup var common: CommonOptions

        func run() async throws {
            if device { return try await connectDevice() }
            let path = "/v1/connections/\(try segment(id))/consent"
            var members: [(String, JSONValue)] = []
            if let returnTo { members.append(("return_to", .string(returnTo))) }
            if let loginHint { members.append(("login_hint", .string(loginHint))) }
            if let prompt { members.append(("prompt", .string(prompt))) }
            if let claims {
                guard let value = try? JSONReader.read(Array(claims.utf8)) else {
                    throw CommandFailure(.usage, "--claims is not JSON.")
                }
                members.append(("claims", value))
            }
            let more = try keyValues(parameters, option: "--parameter")
            if !more.isEmpty { members.append(("parameters", .map(more))) }
            let body = members.isEmpty ? nil : JSONValue.object(JSONObject(members))
            let link = try await common.withAPI { try await $0.call(.post, path, body) }
            let url = link["url"]?.string ?? ""
            guard !url.hasPrefix(ServiceOptions.unknownPublicURL) else {
                throw CommandFailure(
                    .usage, "Nobody could open a link yet: start the service (credence serve), or say --public-url.")
            }
            Terminal.say(common.json ? link.serialized() : url)
        }

        private func connectDevice() async throws {
            let path = "/v1/connections/\(try segment(id))"
            let json = common.json
            let connection = try await common.withAPI(meanwhile: .devices) { api in
                let begun = try await api.call(.post, "\(path)/device")
                Terminal.say(json ? begun.serialized() : Self.instruction(begun))
                var shown = JSONValue.null
                repeat {
                    try await Task.sleep(for: .seconds(1))
                    do { shown = try await api.call(.get, path) } catch let failure as CommandFailure
                        where failure.isUnreachable
                    {
                        // Beginning anew would put a second code beside the one that is being entered.
                        throw CommandFailure(
                            .tryLater,
                            "The service ended, or this verb was interrupted. The next service goes on asking: credence connections status \(id)"
                        )
                    }
                } while shown["device"]?["status"]?.string == "pending"
                return shown
            }
            if let ended = connection["device"]?["status"]?.string {
                throw CommandFailure(.refused, "\(id) is not connected (\(ended)).")
            }
            Terminal.say(json ? connection.serialized() : "connected \(id)")
        }

        private static func instruction(_ begun: JSONValue) -> String {
            let lines = [
                "open:  \(begun["verification_uri"]?.display ?? "")", "enter: \(begun["user_code"]?.display ?? "")",
                begun["verification_uri_complete"].map { "or open: \($0.display)" },
                "waiting, until \(begun["expires_at"]?.display ?? "") …",
            ]
            return lines.compactMap { $0.map(Terminal.printable) }.joined(separator: "\n")
        }
    }

    struct Introspect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask the provider whether the access token is good (RFC 7662).",
            discussion: "Example: credence connections introspect acme-crm")
        @Argument(help: "The connection's ID.") var id: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            let path = "/v1/connections/\(try segment(id))/introspect"
            let shown = try await common.withAPI { try await $0.call(.post, path) }
            if common.json { return Terminal.say(shown.serialized()) }
            Terminal.list(shown.members.map { ($0.0, $0.1.display) })
        }
    }
}
