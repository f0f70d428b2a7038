import Crypto
import Foundation
import OAuth

/// How a delivery proves where it comes from: `webhook-id`, `webhook-timestamp` and `webhook-signature` of the Standard
/// Webhooks specification (https://www.standardwebhooks.com), version `v1`.
enum WebhookSignature {
    static let prefix = "whsec_"

    /// `whsec_` and the key in base64.
    static func text(of key: [UInt8]) -> Secret {
        Secret(prefix + Data(key).base64EncodedString())
    }

    /// nil for what is not of that form, or has a key under 24 or over 64 bytes.
    static func key(_ text: Secret) -> [UInt8]? {
        let text = text.reveal()
        guard text.hasPrefix(prefix), let key = Data(base64Encoded: String(text.dropFirst(prefix.count))),
            (24...64).contains(key.count)
        else { return nil }
        return Array(key)
    }

    /// HMAC-SHA-256 over `id.timestamp.body`, one for each key, with a space between them.
    /// - Parameter seconds: since 1970.
    static func header(id: String, seconds: Int64, body: String, keys: [[UInt8]]) -> String {
        let signed = Array("\(id).\(seconds).\(body)".utf8)
        return keys.map { key in
            let code = HMAC<SHA256>.authenticationCode(for: signed, using: SymmetricKey(data: key))
            return "v1,\(Data(code).base64EncodedString())"
        }.joined(separator: " ")
    }
}
