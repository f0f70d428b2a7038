public import Broker
import Foundation
import HTTPTypes
public import OAuth
public import Sealing

/// The master key, wrapped by a key of AWS KMS that never leaves it (the KMS API of 2014-11-01,
/// `GenerateDataKeyWithoutPlaintext` and `Decrypt`, signed with Signature Version 4). The wrapped key lies in a file
/// beside the data and is no secret; KMS is asked at the start and when keys change, never for a request (security
/// case S7).
public struct KMSMasterKeySource: MasterKeySource {
    /// What the file of the place holds, as JSON.
    public struct Settings: Sendable, Equatable {
        public let region: String
        /// An ID, an alias or an ARN.
        public let key: String
        public let endpoint: EndpointURL
        /// A file with `{"access_key_id", "secret_access_key", "session_token"?}`, mode 0400 or 0600.
        public let credentialsFile: String

        public static func read(_ json: [UInt8]) -> Result<Settings, SealingError> {
            func refused(_ why: String) -> Result<Settings, SealingError> {
                .failure(SealingError(.masterKeyUnreadable, "The settings of the KMS key: \(why)."))
            }
            guard let texts = KMSMasterKeySource.texts(json, known: ["region", "key", "endpoint", "credentials_file"])
            else { return refused("they are a JSON object of texts: region, key, credentials_file, endpoint") }
            guard let region = texts["region"], let key = texts["key"], let file = texts["credentials_file"] else {
                return refused("region, key and credentials_file are needed")
            }
            let isRegion = region.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-")
            }
            guard isRegion, region.utf8.count <= 32, key.utf8.count <= 2048 else {
                return refused("region or key is none")
            }
            guard let endpoint = try? EndpointURL(texts["endpoint"] ?? "https://kms.\(region).amazonaws.com/"),
                endpoint.isSecure, endpoint.path == "/", endpoint.query == nil
            else { return refused("endpoint is https://HOST, without a path") }
            return .success(Settings(region: region, key: key, endpoint: endpoint, credentialsFile: file))
        }
    }

    private let settings: Settings
    private let wrappedPath: String
    private let exchange: any HTTPExchange
    private let now: @Sendable () -> Timestamp
    static let deadline: Duration = .seconds(10)

    public init(
        _ settings: Settings, wrapped: String, exchange: any HTTPExchange, now: @escaping @Sendable () -> Timestamp
    ) {
        self.settings = settings
        wrappedPath = wrapped
        self.exchange = exchange
        self.now = now
    }

    public func masterKey() async throws(SealingError) -> MasterKey {
        let wrapped = try PrivateText.word(wrappedPath, what: "The wrapped master key", isSecret: false)
        let answer = try await ask(
            "Decrypt",
            JSONObject([
                ("KeyId", .string(settings.key)), ("CiphertextBlob", .string(wrapped)),
                ("EncryptionContext", Self.context),
            ]))
        guard case .string(let plaintext)? = answer["Plaintext"], var bytes = Data(base64Encoded: plaintext) else {
            throw failure("gave no key")
        }
        defer { bytes.resetBytes(in: bytes.startIndex..<bytes.endIndex) }
        return try MasterKey(SecretBytes(copying: bytes))
    }

    /// Lets KMS make a key, and keeps it wrapped, where there is none. Never replaces one.
    public func makeKey() async throws(SealingError) {
        if FileManager.default.fileExists(atPath: wrappedPath) { return }
        let answer = try await ask(
            "GenerateDataKeyWithoutPlaintext",
            JSONObject([
                ("KeyId", .string(settings.key)), ("KeySpec", .string("AES_256")), ("EncryptionContext", Self.context),
            ]))
        guard case .string(let wrapped)? = answer["CiphertextBlob"], Data(base64Encoded: wrapped) != nil,
            !wrapped.isEmpty, wrapped.utf8.count < PrivateText.longestWord
        else { throw failure("gave no wrapped key") }
        try PrivateText.create(wrappedPath, Array(wrapped.utf8), what: "The wrapped master key")
    }

    /// Stands in KMS's own log, and a key that was wrapped for something else does not open.
    private static let context = JSONValue.object(JSONObject([("purpose", .string("credence master key"))]))

    private func ask(_ action: String, _ body: JSONObject) async throws(SealingError) -> JSONObject {
        var bytes = [UInt8](repeating: 0, count: PrivateText.longestWord)
        let count = try PrivateText.read(
            settings.credentialsFile, what: "The credentials of the KMS key", into: &bytes)
        let known = ["access_key_id", "secret_access_key", "session_token"]
        guard let texts = Self.texts(Array(bytes[..<count]), known: Set(known)), let id = texts["access_key_id"],
            let secret = texts["secret_access_key"]
        else {
            throw SealingError(
                .masterKeyMalformed,
                "The credentials of the KMS key in \(settings.credentialsFile) are JSON: \(known.joined(separator: ", "))."
            )
        }
        let payload = Array(JSONValue.object(body).serialized().utf8)
        let host = settings.endpoint.port.map { "\(settings.endpoint.host):\($0)" } ?? settings.endpoint.host
        var headers = [
            ("content-type", "application/x-amz-json-1.1"), ("host", host), ("x-amz-date", Self.date(now())),
        ]
        if let token = texts["session_token"] { headers.append(("x-amz-security-token", token)) }
        headers.append(("x-amz-target", "TrentService.\(action)"))
        let authorization = SignatureV4(
            accessKeyID: id, secret: Secret(secret), region: settings.region, service: "kms"
        ).authorization(method: "POST", path: "/", query: "", headers: headers, payload: payload)
        var fields: HTTPFields = [.accept: "application/json", .authorization: authorization]
        for (name, value) in headers where name != "host" {
            guard let name = HTTPField.Name(name) else { throw failure("cannot be asked") }
            fields[name] = value
        }
        let request = EndpointRequest(method: .post, url: settings.endpoint, headerFields: fields, body: payload)
        let response: EndpointResponse
        do { response = try await exchange.send(request, within: Self.deadline) } catch {
            throw failure("did not answer (\(error.code.rawValue))")
        }
        guard response.status == 200 else { throw failure("answered with status \(response.status)") }
        guard case .object(let answer)? = try? JSONReader.read(response.body) else {
            throw failure("gave an answer that cannot be read")
        }
        return answer
    }

    private func failure(_ what: String) -> SealingError {
        SealingError(
            .masterKeyUnreadable,
            "The server of the KMS key, \(settings.endpoint.host), \(what): without it Credence does not start. Look at the key, its policy and the credentials."
        )
    }

    /// nil for what is no object, or holds another member or another type.
    private static func texts(_ json: [UInt8], known: Set<String>) -> [String: String]? {
        guard case .object(let object)? = try? JSONReader.read(json) else { return nil }
        var texts: [String: String] = [:]
        for (name, value) in object.pairs {
            guard known.contains(name), case .string(let text) = value,
                !text.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
            else { return nil }
            texts[name] = text
        }
        return texts
    }

    /// `20261123T220000Z`
    static func date(_ moment: Timestamp) -> String {
        String(moment.iso8601.prefix(19)).filter { $0 != "-" && $0 != ":" } + "Z"
    }
}

/// AWS Signature Version 4, as the IAM user guide describes it ("Create a signed AWS API request").
struct SignatureV4 {
    let accessKeyID: String
    let secret: Secret
    let region: String
    let service: String

    /// - Parameter headers: in lower case, by name, `host` and `x-amz-date` among them.
    func authorization(
        method: String, path: String, query: String, headers: [(String, String)], payload: [UInt8]
    ) -> String {
        let names = headers.map(\.0).joined(separator: ";")
        let lines = headers.map { "\($0.0):\($0.1)\n" }.joined()
        let canonical = [method, path, query, lines, names, sha256(payload).hexadecimal].joined(separator: "\n")
        let date = headers.first { $0.0 == "x-amz-date" }?.1 ?? ""
        let scope = "\(date.prefix(8))/\(region)/\(service)/aws4_request"
        let text = ["AWS4-HMAC-SHA256", date, scope, sha256(Array(canonical.utf8)).hexadecimal].joined(separator: "\n")
        var key = SecretBytes(copying: Array("AWS4\(secret.reveal())".utf8))
        for part in scope.split(separator: "/") {
            key = SecretBytes(copying: hmacSHA256(key: key, Array(part.utf8)))
        }
        let signature = hmacSHA256(key: key, Array(text.utf8)).hexadecimal
        return "AWS4-HMAC-SHA256 Credential=\(accessKeyID)/\(scope), SignedHeaders=\(names), Signature=\(signature)"
    }
}
