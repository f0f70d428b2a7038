public import Hummingbird

/// Health for supervisors and counters for Prometheus, on a listener of its own: no IDs, no secrets (security case I31).
public struct ManagementResponder: HTTPResponder {
    public typealias Context = BasicRequestContext

    private let isHealthy: @Sendable () async -> Bool
    private let metrics: MetricsRegistry

    /// - Parameter isHealthy: whether the service can still write what it must never lose.
    public init(metrics: MetricsRegistry, isHealthy: @escaping @Sendable () async -> Bool) {
        self.isHealthy = isHealthy
        self.metrics = metrics
    }

    @Sendable
    public func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
        switch (request.method, request.uri.path) {
        case (.get, "/healthz"): text("ok\n", .ok)
        case (.get, "/readyz"):
            await isHealthy() ? text("ready\n", .ok) : text("the store cannot be written\n", .serviceUnavailable)
        case (.get, "/metrics"): text(metrics.exposition(), .ok)
        default: text("not found\n", .notFound)
        }
    }

    private func text(_ text: String, _ status: HTTPResponse.Status) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: .init(byteBuffer: .init(string: text)))
    }
}
