import BrokerTesting
import Crypto
import Foundation
import HTTPTypes
import NIOHTTP1
import Testing

extension WholeServiceTests {
    @Test(
        "A webhook is added, tested, told of a revoked grant with a signature that holds, rotated and removed",
        .timeLimit(.minutes(2)))
    func webhooks() async throws {
        try await FakeAuthorizationServer.withServer { server in
            let credence = try Credence()
            let key = try await connected(credence, server)
            let url = server.url(\.deviceAuthorization)
            let added = try await credence.run("webhooks", "add", "ops", "--url", url)
            #expect(added.status == 0, "\(added.complaint)")
            let secret = added.output.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(secret.hasPrefix("whsec_"))

            server.script(.answer(.status(500)), on: .deviceAuthorization)
            let refused = try await credence.run("webhooks", "test", "ops")
            #expect(refused.status == 5 && refused.complaint.contains("status_500"), "\(refused.complaint)")
            server.script(.answer(.status(204)), on: .deviceAuthorization, times: 2)
            #expect(try await credence.run("webhooks", "test", "ops").output == "taken (status 204)\n")

            server.revoke(user: "alice")
            let ended = try await Wire.call(.POST, "\(credence.url)/v1/connections/crm/credential/refresh", key: key)
            #expect(ended.status == 409)
            try await server.requests(to: .deviceAuthorization, reach: 3)
            let told = try #require(server.journal.last { $0.endpoint == .deviceAuthorization })
            #expect(String(decoding: told.body, as: UTF8.self).contains(#""reason":"revoked""#))
            #expect(told.headerFields[.webhookSignature] == signature(of: told, with: secret))
            for hidden in [secret, key, Self.secrets.client] {
                #expect(!String(decoding: told.body, as: UTF8.self).contains(hidden))
            }

            let rotated = try await credence.run("webhooks", "rotate", "ops", "--grace", "60", "--json")
            #expect(rotated.status == 0 && rotated.output.contains("whsec_"))
            let list = try await credence.run("webhooks", "list")
            #expect(list.output.contains("ops") && list.output.contains("active") && !list.output.contains("whsec_"))
            #expect(try await credence.run("webhooks", "remove", "ops").status == 0)
            #expect(try await credence.run("webhooks", "test", "ops").status == 3)
        }
    }

    private func signature(of told: FakeAuthorizationServer.JournalEntry, with secret: String) -> String {
        let key = SymmetricKey(data: Data(base64Encoded: String(secret.dropFirst(6))) ?? Data())
        let head = [told.headerFields[.webhookID], told.headerFields[.webhookTimestamp]]
            .map { ($0 ?? "") + "." }.joined()
        let code = HMAC<SHA256>.authenticationCode(for: Data(head.utf8) + Data(told.body), using: key)
        return "v1,\(Data(code).base64EncodedString())"
    }
}

extension HTTPField.Name {
    fileprivate static let webhookID = Self("webhook-id")!
    fileprivate static let webhookTimestamp = Self("webhook-timestamp")!
    fileprivate static let webhookSignature = Self("webhook-signature")!
}
