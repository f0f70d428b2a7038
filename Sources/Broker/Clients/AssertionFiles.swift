import Foundation
import OAuth

/// Assertions that somebody else signs and renews (RFC 7523 §3), such as the token that a platform projects into a
/// container: read from their file at each request, since they live for minutes.
struct AssertionFiles: Sendable {
    /// What a file holds; at most a byte more than `largest`.
    var read: @Sendable (String) throws -> [UInt8] = { path in
        // Links are followed, as platforms swap the file behind one; a pipe would have us wait for whoever writes to it.
        let target = URL(fileURLWithPath: path).resolvingSymlinksInPath()
        let kind = try FileManager.default.attributesOfItem(atPath: target.path)[.type] as? FileAttributeType
        guard kind == .typeRegular else { throw CocoaError(.fileReadUnknown) }
        let file = try FileHandle(forReadingFrom: target)
        defer { try? file.close() }
        return Array(try file.read(upToCount: Self.largest + 1) ?? Data())
    }

    /// In bytes.
    static let largest = 16_384

    /// Nothing but a JWT leaves: whoever may name a file must not get at another one by it.
    func assertion(at path: String, of client: ClientID) throws(BrokerError) -> Secret {
        let bytes: [UInt8]
        do {
            bytes = try read(path)
        } catch {
            throw Self.unusable(client, "it cannot be read. Give the account of the service access to it")
        }
        guard bytes.count <= Self.largest else { throw Self.unusable(client, "it is larger than 16 KiB") }
        let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard Self.isJWT(text) else { throw Self.unusable(client, "it holds no JWT") }
        return Secret(text)
    }

    /// RFC 7515 §3.1: three parts, the first of which is a JSON object.
    private static func isJWT(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 3 && text.hasPrefix("eyJ")
            && parts.allSatisfy { part in
                !part.isEmpty
                    && part.unicodeScalars.allSatisfy {
                        $0 == "-" || $0 == "_" || ("0"..."9").contains($0) || ("a"..."z").contains($0)
                            || ("A"..."Z").contains($0)
                    }
            }
    }

    private static func unusable(_ client: ClientID, _ why: String) -> BrokerError {
        BrokerError(
            .internalError, "The assertion file of client \(client) cannot be used: \(why).", actor: .administrator,
            reason: "assertion_file_unusable")
    }
}
