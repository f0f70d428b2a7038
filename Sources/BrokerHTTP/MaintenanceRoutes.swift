public import Broker
import HTTPTypes
import Hummingbird
import NIOCore
import OAuth

/// What the composition does for `/v1/backup` and `/v1/claim`: it knows files and folders.
public struct MaintenanceWork: Sendable {
    /// Writes a backup into a new file for this caller, and says where.
    public var backup: @Sendable (Caller) async throws(BrokerError) -> String
    /// Reads the file a piece at a time, and removes it.
    public var read: @Sendable (_ path: String, _ from: Int, _ count: Int) throws -> [UInt8]
    public var remove: @Sendable (_ path: String) -> Void
    /// Says that this store is the one in use.
    public var claim: @Sendable (Caller) async throws(BrokerError) -> Void

    public init(
        backup: @escaping @Sendable (Caller) async throws(BrokerError) -> String,
        read: @escaping @Sendable (String, Int, Int) throws -> [UInt8],
        remove: @escaping @Sendable (String) -> Void,
        claim: @escaping @Sendable (Caller) async throws(BrokerError) -> Void
    ) {
        self.backup = backup
        self.read = read
        self.remove = remove
        self.claim = claim
    }
}

/// `/v1/verification`, `/v1/backup`, `/v1/claim`: operations.
struct MaintenanceRoutes: Sendable {
    let core: BrokerCore
    let work: MaintenanceWork?

    func add(to routes: Routes) {
        routes.on(.get, "/v1/verification", for: [.admin]) { [core] _, _, _ in
            JSONResponse.response(Views.report(try await core.maintenance.verify(), isHeld: core.hold.isHeld))
        }
        routes.on(.get, "/v1/hold", for: [.admin]) { [core] _, _, _ in
            JSONResponse.response(.object(JSONObject([("held", .bool(core.hold.isHeld))])))
        }
        routes.on(.post, "/v1/backup", for: [.admin], backup)
        routes.on(.post, "/v1/claim", for: [.admin]) { [work] _, _, caller in
            guard let work else { throw BrokerError.internalError("This process has no data folder.") }
            try await work.claim(caller)
            return Response(status: .noContent)
        }
    }

    /// The backup itself: sealed boxes and what is public, never the master key.
    @Sendable
    private func backup(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        guard let work else { throw BrokerError.internalError("This process has no data folder.") }
        let path = try await work.backup(caller)
        let body = ResponseBody { writer in
            defer { work.remove(path) }
            var place = 0
            while true {
                let piece = try work.read(path, place, 1 << 18)
                if piece.isEmpty { break }
                place += piece.count
                try await writer.write(ByteBuffer(bytes: piece))
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok, headers: [.contentType: "application/vnd.sqlite3", .cacheControl: "no-store"], body: body)
    }
}
