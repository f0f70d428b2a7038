import BrokerTesting
import Foundation
import NIOHTTP1
import Testing

/// Every standard profile of an OAuth provider, whole, against a server that behaves as the provider does: the profile's
/// file with nothing changed but where its endpoints are.
@Suite("Rounds with the standard profiles")
struct ProviderRoundTests {
    struct Round: Sendable, CustomTestStringConvertible {
        let provider: String
        let behaviour: FakeAuthorizationServer.Behaviour
        var fields: [String] = []
        var scopes: [String] = []
        /// What becomes of the grant when an answer to a refresh gets lost on its way.
        var isLostWithTheAnswer = false
        /// The provider can be told that a connection is gone.
        var isRevocable = true
        /// Its refresh tokens and what it calls one that is taken no longer.
        var account: String?
        var note = ""
        var testDescription: String { provider + note }
    }

    static let rounds = [
        Round(
            provider: "azure-ad", behaviour: .directory(tenant: "tenant1", resource: "https://graph.microsoft.com"),
            fields: ["tenant=tenant1"],
            scopes: ["https://graph.microsoft.com/User.Read", "openid", "profile", "offline_access"],
            isRevocable: false),
        Round(
            provider: "azure-ad-v1", behaviour: .olderDirectory(tenant: "tenant1"),
            fields: ["tenant=tenant1", "resource=https://api.example/"], isRevocable: false),
        Round(provider: "dropbox", behaviour: .fileStore(), scopes: ["account_info.read"], account: "dbid:"),
        Round(
            provider: "github", behaviour: .codeHost(expiring: .always), scopes: ["read:user"],
            isLostWithTheAnswer: true, account: "alice"),
        Round(
            provider: "salesforce", behaviour: .customerRecords(), scopes: ["api", "refresh_token"],
            account: "/id/00Dxx"),
        Round(
            provider: "salesforce", behaviour: .customerRecords(rotating: true), scopes: ["api", "refresh_token"],
            isLostWithTheAnswer: true, account: "/id/00Dxx", note: ", rotating"),
    ]

    @Test("Every profile of an OAuth provider has its round")
    func complete() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.profiles.path)
        let names = Set(files.map { $0.replacingOccurrences(of: ".json", with: "") })
        #expect(
            names
                == Set(Self.rounds.map(\.provider)).union(["github-app", "oauth2", "api-key", "basic"]))
    }

    private static let profiles = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("providers")

    /// The profile with its endpoints at the server; all else is as it is shipped.
    private static func folder(_ name: String, at origin: String) throws -> String {
        let file = profiles.appendingPathComponent("\(name).json")
        guard
            var profile = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
        else { throw CocoaError(.coderInvalidValue) }
        func moved(_ value: Any) -> Any {
            switch value {
            case let text as String where text.hasPrefix("https://"):
                let rest = text.dropFirst("https://".count)
                return origin + (rest.firstIndex(of: "/").map { String(rest[$0...]) } ?? "")
            case let members as [String: Any]: return members.mapValues(moved)
            case let elements as [Any]: return elements.map(moved)
            default: return value
            }
        }
        for member in ["authorization_server", "revocation", "identity", "id_token"] {
            if let value = profile[member], !(value is NSNull) { profile[member] = moved(value) }
        }
        let fields = profile["fields"] as? [[String: Any]] ?? []
        profile["fields"] = fields.map { field in
            field["name"] as? String == "api_base" ? field.merging(["default": origin]) { $1 } : field
        }
        let folder = NSTemporaryDirectory() + "credence-profiles-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try JSONSerialization.data(withJSONObject: profile).write(to: URL(fileURLWithPath: folder + "/\(name).json"))
        return folder
    }

    private struct Setting {
        let credence: Credence
        let server: FakeAuthorizationServer
        let key: String
        var path: String { "\(credence.url)/v1/connections/c/credential" }

        func read() async throws -> Wire.Answer { try await Wire.call(.GET, path, key: key) }
        func refresh() async throws -> Wire.Answer { try await Wire.call(.POST, path + "/refresh", key: key) }

        func consent() async throws {
            let link = try await credence.run("connections", "connect", "c").output
                .trimmingCharacters(in: .whitespacesAndNewlines)
            let browser = Browser()
            let page = try await browser.get(link)
            let token = try #require(page.hidden("form_token"), "\(page.text)")
            let location = try #require(try await browser.post(link, form: "form_token=\(token)").location)
            let callback = try #require(await server.visit(location), "no way back from \(location)")
            let done = try await browser.get(callback)
            #expect(done.status == 200 && done.text.contains("Connected"), "\(done.text)")
        }
    }

    private func set(_ round: Round, _ server: FakeAuthorizationServer) async throws -> Setting {
        let credence = try Credence()
        let origin = String(
            server.url(\.token).prefix { $0 != "#" }.split(separator: "/").prefix(2).joined(separator: "//"))
        let folder = try Self.folder(round.provider, at: origin)
        try await credence.run("init")
        try await credence.serve("--providers", folder)
        let made = try await credence.run(
            ["clients", "add", "app", "--provider", round.provider, "--client-id", "app", "--secret-stdin"]
                + round.fields.flatMap { ["--field", $0] } + round.scopes.flatMap { ["--scope", $0] },
            input: "client-secret")
        #expect(made.status == 0, "\(made.complaint)")
        server.register(
            client: "app", secret: "client-secret", redirectURIs: ["\(credence.url)/callback/app"])
        server.decide(.approve(user: "alice"))
        #expect(try await credence.run("connections", "add", "c", "--client", "app").status == 0)
        let key = try await credence.run("callers", "add", "root", "--role", "admin").output
        let setting = Setting(
            credence: credence, server: server, key: key.trimmingCharacters(in: .whitespacesAndNewlines))
        try await setting.consent()
        return setting
    }

    private static func member(_ name: String, of answer: Wire.Answer) -> String? {
        (try? JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [String: Any])?[name] as? String
    }

    @Test("consent, credential, refreshes, the end of the grant, another consent, removal", arguments: rounds)
    func whole(round: Round) async throws {
        try await FakeAuthorizationServer.withServer(behaviour: round.behaviour) { server in
            let setting = try await set(round, server)
            var token = try #require(Self.member("access_token", of: try await setting.read()))
            #expect(server.isLive(accessToken: token))
            if let account = round.account {
                let shown = try await setting.credence.run("connections", "show", "c", "--json").output
                #expect(shown.contains(account), "\(shown)")
            }
            for _ in 0..<2 {
                let answer = try await setting.refresh()
                #expect(answer.status == 200, "\(answer.text)")
                let next = try #require(Self.member("access_token", of: answer))
                #expect(next != token && server.isLive(accessToken: next))
                token = next
            }
            server.revoke(user: "alice")
            let refused = try await setting.refresh()
            #expect(refused.status == 409 && refused.text.contains("reauthorization_required"), "\(refused.text)")
            try await setting.consent()
            token = try #require(Self.member("access_token", of: try await setting.read()))
            #expect(server.isLive(accessToken: token))
            #expect(try await setting.credence.run("connections", "remove", "c").status == 0)
            #expect(server.isLive(accessToken: token) == !round.isRevocable)
            #expect(server.counters.replays == 0, "no refresh token was presented twice")
            try await setting.credence.stop()
        }
    }

    @Test(
        "An answer that is lost on its way costs a grant only where the provider leaves no way back", arguments: rounds)
    func lostAnswer(round: Round) async throws {
        var behaviour = round.behaviour
        behaviour.refusesParallelRefreshes = false
        try await FakeAuthorizationServer.withServer(behaviour: behaviour) { server in
            let setting = try await set(round, server)
            server.script(.dropAfterProcessing, on: .refresh)
            let dropped = try await setting.refresh()
            #expect([200, 503].contains(dropped.status), "\(dropped.text)")
            let again = try await setting.refresh()
            if round.isLostWithTheAnswer {
                #expect(again.status == 409 && Self.member("reason", of: again) == "lost", "\(again.text)")
                try await setting.consent()
                #expect(try await setting.read().status == 200)
            } else {
                #expect(again.status == 200, "\(again.text)")
                let token = try #require(Self.member("access_token", of: again))
                #expect(server.isLive(accessToken: token))
            }
            try await setting.credence.stop()
        }
    }

    @Test("A client secret that expired costs no grant: with the next one everything goes on", arguments: rounds)
    func expiredSecret(round: Round) async throws {
        try await FakeAuthorizationServer.withServer(behaviour: round.behaviour) { server in
            let setting = try await set(round, server)
            server.register(
                client: "app", secret: "next-secret", redirectURIs: ["\(setting.credence.url)/callback/app"])
            let refused = try await setting.refresh()
            #expect(refused.status == 200 || refused.status == 503, "\(refused.text)")
            let status = try await setting.credence.run("connections", "status", "c").output
            #expect(status != "reauthorization_required\n")
            _ = try await setting.credence.run(
                "clients", "secret", "add", "app", "--secret-stdin", input: "next-secret")
            let answer = try await setting.refresh()
            #expect(answer.status == 200, "\(answer.text)")
            try await setting.credence.stop()
        }
    }
}
