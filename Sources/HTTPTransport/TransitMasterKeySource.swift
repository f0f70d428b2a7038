public import Broker
import Foundation
import HTTPTypes
public import OAuth
public import Sealing

/// The master key, wrapped by a key that never leaves a secrets server: the Transit engine of HashiCorp Vault or OpenBao
/// (their HTTP API, `/v1/MOUNT/datakey/plaintext/KEY` and `/v1/MOUNT/decrypt/KEY`). The wrapped key lies in a file
/// beside the data and is no secret; the server is asked at the start and when keys change, never for a request, so it
/// may be away meanwhile (security case S7).
public struct TransitMasterKeySource: MasterKeySource {
    /// What the file of the place holds, as JSON.
    public struct Settings: Sendable, Equatable {
        public let address: EndpointURL
        public let mount: String
        public let key: String
        public let namespace: String?
        /// A file with the token alone, mode 0400 or 0600; it may be replaced by whoever renews it.
        public let tokenFile: String

        static let members: Set<String> = ["url", "mount", "key", "namespace", "token_file"]

        /// nil, and why, for what cannot be meant.
        public static func read(_ json: [UInt8]) -> Result<Settings, SealingError> {
            func refused(_ why: String) -> Result<Settings, SealingError> {
                .failure(SealingError(.masterKeyUnreadable, "The settings of the transit key: \(why)."))
            }
            guard case .object(let object)? = try? JSONReader.read(json) else {
                return refused("they are no JSON object")
            }
            var texts: [String: String] = [:]
            for (name, value) in object.pairs {
                guard members.contains(name) else {
                    return refused("known members are \(members.sorted().joined(separator: ", "))")
                }
                guard case .string(let text) = value, !text.isEmpty else { return refused("\(name) must be a text") }
                texts[name] = text
            }
            guard let url = texts["url"], let key = texts["key"], let tokenFile = texts["token_file"] else {
                return refused("url, key and token_file are needed")
            }
            let mount = texts["mount"] ?? "transit"
            guard let address = try? EndpointURL(url), address.isSecure, address.path == "/", address.query == nil
            else {
                return refused("url is https://HOST:PORT, without a path")
            }
            let isPlain = { (text: String) in
                text.utf8.allSatisfy { byte in
                    byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "/")
                        || Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber
                } && text.utf8.count <= 128 && text.utf8.allSatisfy { $0 < 0x80 }
            }
            guard isPlain(mount), isPlain(key), !key.contains("/"), isPlain(texts["namespace"] ?? "") else {
                return refused("mount, key and namespace have letters, digits, - and _ alone")
            }
            return .success(
                Settings(
                    address: address, mount: mount, key: key, namespace: texts["namespace"], tokenFile: tokenFile))
        }
    }

    private let settings: Settings
    private let wrappedPath: String
    private let exchange: any HTTPExchange
    static let deadline: Duration = .seconds(10)

    /// - Parameters:
    ///   - wrapped: the file with the wrapped key.
    ///   - exchange: reaches the server; private addresses are usual.
    public init(_ settings: Settings, wrapped: String, exchange: any HTTPExchange) {
        self.settings = settings
        wrappedPath = wrapped
        self.exchange = exchange
    }

    public func masterKey() async throws(SealingError) -> MasterKey {
        let wrapped = try PrivateText.word(wrappedPath, what: "The wrapped master key", isSecret: false)
        let answer = try await ask(
            "decrypt", JSONObject([("ciphertext", .string(wrapped))]))
        guard case .string(let plaintext)? = answer["plaintext"], var bytes = Data(base64Encoded: plaintext) else {
            throw failure("gave no key")
        }
        defer { bytes.resetBytes(in: bytes.startIndex..<bytes.endIndex) }
        return try MasterKey(SecretBytes(copying: bytes))
    }

    /// Lets the server make a key, and keeps it wrapped, where there is none. Never replaces one.
    public func makeKey() async throws(SealingError) {
        if FileManager.default.fileExists(atPath: wrappedPath) { return }
        let answer = try await ask("datakey/wrapped", JSONObject([("bits", .number(JSONNumber(256)))]))
        guard case .string(let ciphertext)? = answer["ciphertext"], ciphertext.utf8.count < PrivateText.longestWord,
            ciphertext.hasPrefix("vault:")
        else { throw failure("gave no wrapped key") }
        try PrivateText.create(wrappedPath, Array(ciphertext.utf8), what: "The wrapped master key")
    }

    private func ask(_ operation: String, _ body: JSONObject) async throws(SealingError) -> JSONObject {
        let token = try PrivateText.word(settings.tokenFile, what: "The token of the transit key")
        var fields: HTTPFields = [.accept: "application/json", .contentType: "application/json"]
        guard let tokenName = HTTPField.Name("X-Vault-Token"), let requestName = HTTPField.Name("X-Vault-Request"),
            let namespaceName = HTTPField.Name("X-Vault-Namespace")
        else { throw failure("cannot be asked") }
        fields[tokenName] = token
        fields[requestName] = "true"
        if let namespace = settings.namespace { fields[namespaceName] = namespace }
        let path = "/v1/\(settings.mount)/\(operation)/\(settings.key)"
        let base =
            settings.address.string.hasSuffix("/")
            ? String(settings.address.string.dropLast()) : settings.address.string
        guard let url = try? EndpointURL(base + path) else { throw failure("cannot be asked") }
        let request = EndpointRequest(
            method: .post, url: url, headerFields: fields, body: Array(JSONValue.object(body).serialized().utf8))
        let response: EndpointResponse
        do { response = try await exchange.send(request, within: Self.deadline) } catch {
            throw failure("did not answer (\(error.code.rawValue))")
        }
        guard response.status == 200 else {
            // 403: the token has ended or may not use the key; 503: sealed.
            throw failure("answered with status \(response.status)")
        }
        guard case .object(let answer)? = try? JSONReader.read(response.body), case .object(let data)? = answer["data"]
        else { throw failure("gave an answer that cannot be read") }
        return data
    }

    private func failure(_ what: String) -> SealingError {
        SealingError(
            .masterKeyUnreadable,
            "The server of the transit key, \(settings.address.host), \(what): without it Credence does not start. Look at the server, the token and its policy."
        )
    }
}
