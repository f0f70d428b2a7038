import Broker
import HTTPTypes
import Hummingbird
import OAuth

/// `/v1/webhooks`: where events go.
struct WebhookRoutes: Sendable {
    let core: BrokerCore

    func add(to routes: Routes) {
        routes.on(.get, "/v1/webhooks", for: [.admin]) { [core] _, _, _ in
            let backlogs = try await core.webhooks.backlogs()
            let all = try await core.webhooks.all().map { Views.webhook($0, backlogs[$0.id]) }
            return JSONResponse.response(Views.list("webhooks", all))
        }
        routes.on(.post, "/v1/webhooks", for: [.admin], create)
        routes.on(.get, "/v1/webhooks/{id}", for: [.admin]) { [self] _, context, _ in
            let webhook = try await core.webhooks.webhook(try id(context))
            return JSONResponse.response(Views.webhook(webhook, try await core.webhooks.backlogs()[webhook.id]))
        }
        routes.on(.delete, "/v1/webhooks/{id}", for: [.admin]) { [self] _, context, caller in
            try await core.webhooks.remove(try id(context), by: caller)
            return Response(status: .noContent)
        }
        routes.on(.post, "/v1/webhooks/{id}/rotate", for: [.admin], rotate)
        routes.on(.post, "/v1/webhooks/{id}/enable", for: [.admin]) { [self] _, context, caller in
            let id = try id(context)
            try await core.webhooks.enable(id, by: caller)
            return JSONResponse.response(
                Views.webhook(try await core.webhooks.webhook(id), try await core.webhooks.backlogs()[id]))
        }
        routes.on(.post, "/v1/webhooks/{id}/test", for: [.admin]) { [self] _, context, _ in
            JSONResponse.response(Views.outcome(try await core.webhooks.test(try id(context))))
        }
    }

    @Sendable
    private func create(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        let body = try await RequestObject(request, known: ["id", "url", "events", "secret"])
        let events = try body.strings("events").map { name throws(BrokerError) -> ConnectionEvent.Kind in
            guard let kind = ConnectionEvent.Kind(rawValue: name), kind != .test else {
                let known = ConnectionEvent.Kind.allCases.filter { $0 != .test }.map(\.rawValue)
                throw .invalid("events are some of \(known.joined(separator: ", ")).", field: "events")
            }
            return kind
        }
        let (added, secret) = try await core.webhooks.add(
            try body.identifier("id"), url: try body.requiredString("url"), events: Set(events),
            secret: try body.string("secret").map { Secret($0) }, by: caller)
        return JSONResponse.response(Views.webhook(added, nil, secret: secret), status: .created)
    }

    @Sendable
    private func rotate(_ request: Request, _ context: BrokerContext, _ caller: Caller) async throws -> Response {
        let id = try id(context)
        let body = try await RequestObject(request, known: ["grace", "secret"], isOptional: true)
        let grace = try body.integer("grace") ?? Webhooks.grace
        guard (0...604_800).contains(grace) else {
            throw BrokerError.invalid("grace is a number of seconds from 0 to 604800 (a week).", field: "grace")
        }
        let secret = try await core.webhooks.rotate(
            id, secret: try body.string("secret").map { Secret($0) }, grace: .seconds(grace), by: caller)
        return JSONResponse.response(
            .object(JSONObject([("id", .string(id.string)), ("secret", .string(secret.reveal()))])), status: .created)
    }

    private func id(_ context: BrokerContext) throws(BrokerError) -> WebhookID {
        try context.identifier(orThrow: .notFound("webhook"))
    }
}

extension Views {
    /// - Parameter secret: shown once, when it was made.
    static func webhook(_ webhook: Webhook, _ backlog: WebhookBacklog?, secret: Secret? = nil) -> JSONValue {
        var members = JSONObject([
            ("id", .string(webhook.id.string)), ("url", .string(webhook.url)),
            ("events", .array(webhook.events.map(\.rawValue).sorted().map { .string($0) })),
            ("status", .string(webhook.disabledReason == nil ? "active" : "disabled")),
        ])
        members["reason"] = webhook.disabledReason.map { .string($0) }
        members["waiting"] = .number(JSONNumber(backlog?.count ?? 0))
        members["waiting_since"] = backlog.map { .string($0.oldest.iso8601) }
        members["secrets"] = .array(
            webhook.secrets.map { secret in
                var members = JSONObject([
                    ("number", .number(JSONNumber(secret.number))),
                    ("created_at", .string(secret.createdAt.iso8601)),
                ])
                members["expires_at"] = secret.expiresAt.map { .string($0.iso8601) }
                return .object(members)
            })
        members["created_at"] = .string(webhook.createdAt.iso8601)
        members["updated_at"] = .string(webhook.updatedAt.iso8601)
        members["secret"] = secret.map { .string($0.reveal()) }
        return .object(members)
    }

    static func outcome(_ outcome: WebhookOutcome) -> JSONValue {
        switch outcome {
        case .delivered(let status):
            .object(JSONObject([("delivered", .bool(true)), ("status", .number(JSONNumber(status)))]))
        case .gone: .object(JSONObject([("delivered", .bool(false)), ("reason", .string("status_410"))]))
        case .failed(let why, _): .object(JSONObject([("delivered", .bool(false)), ("reason", .string(why))]))
        }
    }
}
