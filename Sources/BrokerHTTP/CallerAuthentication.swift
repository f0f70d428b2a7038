public import Broker
import Hummingbird
import NIOCore

/// Tells who is calling.
public enum CallerAuthentication: Sendable {
    /// `Authorization: Bearer crd_…` (RFC 6750 §2.1), and nothing else.
    case keys(Callers)
    /// The admin socket: whoever the kernel says is the service's own user, or root.
    case peer(Callers, allowedUsers: Set<UInt32>, local: Caller)

    /// The caller by its key. Without `await`: the credential path begins here.
    func caller(presenting headers: HTTPFields) -> Caller? {
        guard let value = headers[.authorization], let key = Self.bearer(value) else { return nil }
        switch self {
        case .keys(let callers), .peer(let callers, _, _): return callers.authenticate(key)
        }
    }

    /// - Throws: 401 when nobody is recognised.
    func caller(of request: Request, _ context: BrokerContext) async throws(BrokerError) -> Caller {
        if let caller = caller(presenting: request.headers) { return caller }
        if case .peer(_, let allowedUsers, let local) = self, request.headers[.authorization] == nil,
            let user = await Self.peerUser(context.channel), allowedUsers.contains(user)
        {
            return local
        }
        throw Self.unauthorized
    }

    static let unauthorized = BrokerError(
        .unauthorized, "Send a valid caller key: Authorization: Bearer crd_…", actor: .caller)

    private static func bearer(_ value: String) -> Substring.UTF8View? {
        // The scheme's name is case-insensitive (RFC 9110 §11.1).
        let utf8 = value.utf8
        guard utf8.count > 7, utf8.prefix(6).elementsEqual("Bearer".utf8) || value.prefix(6).lowercased() == "bearer",
            utf8.dropFirst(6).first == UInt8(ascii: " ")
        else { return nil }
        return value[value.index(value.startIndex, offsetBy: 7)...].utf8
    }

    /// SO_PEERCRED (unix(7)): pid, uid and gid of the process at the other end.
    private static func peerUser(_ channel: any Channel) async -> UInt32? {
        struct Credentials {
            var process: Int32 = 0
            var user: UInt32 = .max
            var group: UInt32 = .max
        }
        guard let provider = channel as? any SocketOptionProvider else { return nil }
        let peerCredentials = NIOBSDSocket.Option(rawValue: 17)
        let found: Credentials? = try? await provider.unsafeGetSocketOption(
            level: .socket, name: peerCredentials
        ).get()
        return found?.user
    }
}
