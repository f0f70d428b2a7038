import Broker
import HTTPTypes
import Hummingbird
import NIOCore
import OAuth
import Sealing

/// `GET /v1/connections/{id}/credential[?min_ttl=S]`: the path everything else exists for.
///
/// It allocates little and awaits nothing while the credential is warm: who is calling, one look into the cache,
/// one audit line, one box opened into the response's buffer.
struct CredentialRoute: Sendable {
    let credentials: CurrentCredential
    let authentication: CallerAuthentication

    private static let prefix = "/v1/connections/"
    private static let suffix = "/credential"

    /// The connection's name when the request is for this route.
    static func connection(in path: String) -> Substring? {
        guard path.utf8.count > prefix.utf8.count + suffix.utf8.count, path.hasPrefix(prefix), path.hasSuffix(suffix)
        else { return nil }
        let start = path.utf8.index(path.startIndex, offsetBy: prefix.utf8.count)
        let end = path.utf8.index(path.endIndex, offsetBy: -suffix.utf8.count)
        let name = path[start..<end]
        return name.utf8.contains(UInt8(ascii: "/")) ? nil : name
    }

    func respond(to request: Request, _ context: BrokerContext, connection: Substring) async throws -> Response {
        let caller: Caller
        if let known = authentication.caller(presenting: request.headers) {
            caller = known
        } else {
            caller = try await authentication.caller(of: request, context)
        }
        guard caller.role == .runtime || caller.role == .admin else {
            throw BrokerError(.forbidden, "This caller's role does not read credentials.", actor: .caller)
        }
        let minTTL = try Self.minTTL(request)
        let purpose = try Self.purpose(request)
        guard let id = ConnectionID(connection) else { throw BrokerError.noSuchConnection }
        if let entry = credentials.warm(id, for: caller, minTTL: minTTL) {
            return try Self.answer(entry, caller, purpose, credentials)
        }
        let entry = try await credentials.recordingRefusal(of: id, to: caller, purpose) { () throws(BrokerError) in
            try await credentials.current(id, for: caller, minTTL: minTTL)
        }
        return try Self.answer(entry, caller, purpose, credentials)
    }

    static func answer(
        _ entry: CachedCredential, _ caller: Caller, _ purpose: String?, _ credentials: CurrentCredential
    ) throws(BrokerError) -> Response {
        var buffer = ByteBuffer()
        try credentials.handOut(entry, to: caller, purpose: purpose) { count, fill throws(SealingError) in
            buffer.reserveCapacity(count)
            var failure: SealingError?
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { bytes in
                do throws(SealingError) {
                    return try fill(UnsafeMutableRawBufferPointer(rebasing: bytes[..<count]))
                } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
        }
        return JSONResponse.response(buffer)
    }

    /// What the caller says that it reads the credential for: a word or two for the audit log.
    static func purpose(_ request: Request) throws(BrokerError) -> String? {
        guard let text = request.headers[purposeHeader] else { return nil }
        guard (1...200).contains(text.utf8.count), text.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) else {
            throw .invalid("Credence-Purpose is 1 to 200 visible characters of ASCII.", field: "Credence-Purpose")
        }
        return text
    }

    private static let purposeHeader = HTTPField.Name("Credence-Purpose")!

    /// `min_ttl` in whole seconds, a day at most; nil when it was not said.
    static func minTTL(_ request: Request) throws(BrokerError) -> Duration? {
        guard let query = request.uri.query, !query.isEmpty else { return nil }
        let parameters: OAuth.Parameters
        do {
            parameters = try OAuth.Parameters(formURLEncoded: query)
        } catch {
            throw .invalid("The query cannot be read.")
        }
        for pair in parameters.pairs where pair.name != "min_ttl" {
            throw .invalid(
                "There is no parameter \(pair.name.prefix(64)) here; known is min_ttl.",
                field: String(pair.name.prefix(64)))
        }
        guard parameters.pairs.count == 1, let seconds = Int(parameters["min_ttl"] ?? ""),
            (0...86_400).contains(seconds)
        else { throw .invalid("min_ttl is a whole number of seconds from 0 to 86400, once.", field: "min_ttl") }
        return .seconds(seconds)
    }
}
