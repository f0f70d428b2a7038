import Broker
import BrokerTesting
import Foundation
import HTTPTypes
import OAuth
import Sealing
import Testing

@testable import HTTPTransport

/// Against answers in the form of the server's HTTP API.
@Suite("The master key through a transit engine")
struct TransitMasterKeySourceTests {
    private static let key = [UInt8](repeating: 0xA5, count: 32)
    private static let settings = #"{"url":"https://vault.example:8200","key":"credence","token_file":"TOKEN"}"#
    private let exchange = ScriptedExchange()

    private func withSource(
        _ change: (String) -> String = { $0 }, _ body: (TransitMasterKeySource, String) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("transit-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let token = folder + "/token"
        #expect(
            FileManager.default.createFile(
                atPath: token, contents: Data("hvs.canary-token\n".utf8), attributes: [.posixPermissions: 0o400]))
        let text = change(Self.settings.replacing("TOKEN", with: token))
        let settings = try TransitMasterKeySource.Settings.read(Array(text.utf8)).get()
        let wrapped = folder + "/wrapped"
        try await body(TransitMasterKeySource(settings, wrapped: wrapped, exchange: exchange), wrapped)
    }

    private func refusal(_ source: TransitMasterKeySource) async -> SealingError? {
        do throws(SealingError) {
            _ = try await source.masterKey()
            return nil
        } catch {
            return error
        }
    }

    private static func data(_ members: String) -> ScriptedExchange.Outcome { .json(#"{"data":{\#(members)}}"#) }

    @Test("a key is made by the server once, kept wrapped, and unwrapped at each start")
    func round() async throws {
        try await withSource({ $0.replacing("}", with: #","mount":"kms/transit","namespace":"team"}"#) }) {
            source, wrapped in
            exchange.expect(Self.data(#""ciphertext":"vault:v1:abc+/=""#))
            try await source.makeKey()
            try await source.makeKey()
            #expect(exchange.requests.count == 1, "one that is there is never replaced")
            let made = try #require(exchange.requests.first)
            #expect(made.url.string == "https://vault.example:8200/v1/kms/transit/datakey/wrapped/credence")
            #expect(made.headerFields[HTTPField.Name("X-Vault-Token")!] == "hvs.canary-token")
            #expect(made.headerFields[HTTPField.Name("X-Vault-Namespace")!] == "team")
            #expect(try String(contentsOfFile: wrapped, encoding: .utf8) == "vault:v1:abc+/=")

            exchange.expect(Self.data(#""plaintext":"\#(Data(Self.key).base64EncodedString())""#))
            let key = try await source.masterKey()
            #expect(key.id == (try MasterKey(SecretBytes(copying: Self.key)).id))
            let asked = try #require(exchange.requests.last)
            #expect(asked.url.path == "/v1/kms/transit/decrypt/credence")
            #expect(String(decoding: asked.body, as: UTF8.self) == #"{"ciphertext":"vault:v1:abc+/="}"#)
        }
    }

    @Test("S7: whatever the server answers that is no key is refused, says whom to look at, and shows no secret")
    func refused() async throws {
        let answers: [(ScriptedExchange.Outcome, SealingError.Code)] = [
            (.failure(ExchangeFailure(.timedOut, detail: "no answer", mayHaveArrived: true)), .masterKeyUnreadable),
            (.json(#"{"errors":["permission denied canary"]}"#, status: 403), .masterKeyUnreadable),
            (.json(#"{"errors":["Vault is sealed"]}"#, status: 503), .masterKeyUnreadable),
            (.json("canary"), .masterKeyUnreadable),
            (.json("{}"), .masterKeyUnreadable),
            (Self.data(""), .masterKeyUnreadable),
            (Self.data(#""plaintext":"***""#), .masterKeyUnreadable),
            (Self.data(#""plaintext":"c2hvcnQ=""#), .masterKeyMalformed),
        ]
        try await withSource { source, wrapped in
            #expect(await refusal(source)?.code == .masterKeyUnreadable, "there is no wrapped key")
            #expect(exchange.requests.isEmpty)
            #expect(FileManager.default.createFile(atPath: wrapped, contents: Data("vault:v1:abc\n".utf8)))
            for (answer, code) in answers {
                exchange.expect(answer)
                let error = try #require(await refusal(source))
                #expect(error.code == code)
                #expect(!error.description.contains("canary"), "\(error)")
            }
        }
    }

    @Test("a server that wraps nothing leaves no file behind")
    func nothingWrapped() async throws {
        try await withSource { source, wrapped in
            for answer in [Self.data(""), Self.data(#""ciphertext":"abc""#), .json("{}", status: 404)] {
                exchange.expect(answer)
                await #expect(throws: SealingError(.masterKeyUnreadable, "")) { try await source.makeKey() }
                #expect(!FileManager.default.fileExists(atPath: wrapped))
            }
        }
    }

    @Test(
        "settings that cannot be meant are refused",
        arguments: [
            ("[]", "no JSON object"), (#"{"url":"https://v"}"#, "are needed"),
            (#"{"url":"http://v","key":"k","token_file":"t"}"#, "https"),
            (#"{"url":"https://v/x","key":"k","token_file":"t"}"#, "without a path"),
            (#"{"url":"https://v","key":"../k","token_file":"t"}"#, "letters"),
            (#"{"url":"https://v","key":"k","mount":"a?b","token_file":"t"}"#, "letters"),
            (#"{"url":"https://v","key":"k","token":"canary"}"#, "known members"),
            (#"{"url":"https://v","key":1,"token_file":"t"}"#, "must be a text"),
        ])
    func settings(_ text: String, _ why: String) throws {
        guard case .failure(let error) = TransitMasterKeySource.Settings.read(Array(text.utf8)) else {
            return #expect(Bool(false), "\(text) was taken")
        }
        #expect(error.description.contains(why) && !error.description.contains("canary"), "\(error)")
    }
}
