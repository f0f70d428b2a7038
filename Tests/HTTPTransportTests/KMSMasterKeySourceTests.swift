import Broker
import BrokerTesting
import Foundation
import HTTPTypes
import OAuth
import Sealing
import Testing

@testable import HTTPTransport

@Suite("The master key through KMS")
struct KMSMasterKeySourceTests {
    private static let key = [UInt8](repeating: 0x3C, count: 32)
    private let exchange = ScriptedExchange()

    private func withSource(
        credentials: String = #"{"access_key_id":"AKIDEXAMPLE","secret_access_key":"canary-secret"}"#,
        _ body: (KMSMasterKeySource, String) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kms-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/credentials"
        #expect(
            FileManager.default.createFile(
                atPath: file, contents: Data(credentials.utf8), attributes: [.posixPermissions: 0o400]))
        let settings = #"{"region":"eu-central-1","key":"alias/credence","credentials_file":"\#(file)"}"#
        let source = KMSMasterKeySource(
            try KMSMasterKeySource.Settings.read(Array(settings.utf8)).get(), wrapped: folder + "/wrapped",
            exchange: exchange, now: { Timestamp(seconds: 1_440_938_160) })
        try await body(source, folder + "/wrapped")
    }

    private func refusal(_ source: KMSMasterKeySource) async -> SealingError? {
        do throws(SealingError) {
            _ = try await source.masterKey()
            return nil
        } catch {
            return error
        }
    }

    @Test("Signature Version 4: the worked example of its documentation")
    func signature() {
        let signature = SignatureV4(
            accessKeyID: "AKIDEXAMPLE", secret: Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            region: "us-east-1", service: "iam")
        let authorization = signature.authorization(
            method: "GET", path: "/", query: "Action=ListUsers&Version=2010-05-08",
            headers: [
                ("content-type", "application/x-www-form-urlencoded; charset=utf-8"), ("host", "iam.amazonaws.com"),
                ("x-amz-date", KMSMasterKeySource.date(Timestamp(seconds: 1_440_938_160))),
            ], payload: [])
        #expect(
            authorization
                == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        )
    }

    @Test("a key is made by KMS once, kept wrapped, and unwrapped at each start")
    func round() async throws {
        try await withSource { source, wrapped in
            exchange.expect(.json(#"{"CiphertextBlob":"AQIDAHh+/w==","KeyId":"arn"}"#))
            try await source.makeKey()
            try await source.makeKey()
            #expect(exchange.requests.count == 1, "one that is there is never replaced")
            let made = try #require(exchange.requests.first)
            #expect(made.url.string == "https://kms.eu-central-1.amazonaws.com/")
            #expect(
                made.headerFields[HTTPField.Name("X-Amz-Target")!] == "TrentService.GenerateDataKeyWithoutPlaintext")
            #expect(made.headerFields[HTTPField.Name("X-Amz-Date")!] == "20150830T123600Z")
            #expect(
                made.headerFields[.authorization]?.contains(
                    "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=") == true)
            exchange.expect(.json(#"{"Plaintext":"\#(Data(Self.key).base64EncodedString())"}"#))
            #expect(try await source.masterKey().id == (try MasterKey(SecretBytes(copying: Self.key)).id))
            let body = String(decoding: try #require(exchange.requests.last).body, as: UTF8.self)
            #expect(body.contains(#""CiphertextBlob":"AQIDAHh+/w==""#) && body.contains(#""KeyId":"alias/credence""#))
            #expect(body.contains(#""EncryptionContext":{"purpose":"credence master key"}"#))
        }
    }

    @Test("S7: whatever is answered that is no key is refused, says whom to look at, and shows no secret")
    func refused() async throws {
        let answers: [(ScriptedExchange.Outcome, SealingError.Code)] = [
            (.failure(ExchangeFailure(.timedOut, detail: "no answer", mayHaveArrived: true)), .masterKeyUnreadable),
            (.json(#"{"__type":"AccessDeniedException","Message":"canary"}"#, status: 400), .masterKeyUnreadable),
            (.json("canary"), .masterKeyUnreadable), (.json("{}"), .masterKeyUnreadable),
            (.json(#"{"Plaintext":"c2hvcnQ="}"#), .masterKeyMalformed),
        ]
        try await withSource { source, wrapped in
            #expect(await refusal(source)?.code == .masterKeyUnreadable, "there is no wrapped key")
            #expect(FileManager.default.createFile(atPath: wrapped, contents: Data("AQID\n".utf8)))
            for (answer, code) in answers {
                exchange.expect(answer)
                let error = try #require(await refusal(source))
                #expect(error.code == code)
                #expect(!error.description.contains("canary"), "\(error)")
            }
        }
        try await withSource(credentials: #"{"access_key_id":"canary"}"#) { source, wrapped in
            #expect(FileManager.default.createFile(atPath: wrapped, contents: Data("AQID\n".utf8)))
            let error = try #require(await refusal(source))
            #expect(error.code == .masterKeyMalformed && !error.description.contains("canary"))
        }
    }

    @Test("a session token is sent, and signed")
    func sessionToken() async throws {
        let credentials = #"{"access_key_id":"A","secret_access_key":"s","session_token":"t0ken"}"#
        try await withSource(credentials: credentials) { source, _ in
            exchange.expect(.json(#"{"CiphertextBlob":"AQID"}"#))
            try await source.makeKey()
            let fields = try #require(exchange.requests.first).headerFields
            #expect(fields[HTTPField.Name("X-Amz-Security-Token")!] == "t0ken")
            #expect(fields[.authorization]?.contains("x-amz-date;x-amz-security-token;x-amz-target") == true)
        }
    }

    @Test(
        "settings that cannot be meant are refused",
        arguments: [
            "[]", "{}", #"{"region":"EU","key":"k","credentials_file":"f"}"#,
            #"{"region":"eu-1/..","key":"k","credentials_file":"f"}"#,
            #"{"region":"eu-1","key":"k","credentials_file":"f","secret_access_key":"canary"}"#,
            #"{"region":"eu-1","key":"k","credentials_file":"f","endpoint":"http://kms"}"#,
            #"{"region":"eu-1","key":"k","credentials_file":"f","endpoint":"https://kms/x"}"#,
        ])
    func settings(_ text: String) {
        guard case .failure(let error) = KMSMasterKeySource.Settings.read(Array(text.utf8)) else {
            return #expect(Bool(false), "\(text) was taken")
        }
        #expect(!error.description.contains("canary"))
    }
}
