import Broker
import HTTPTypes
import Hummingbird
import OAuth
import Sealing

/// `/v1/keys`: the data keys, and the master key that wraps them.
struct KeyRoutes: Sendable {
    let core: BrokerCore

    func add(to routes: Routes) {
        routes.on(.get, "/v1/keys", for: [.admin]) { [core] _, _, _ in
            JSONResponse.response(Views.keys(try await core.keys.status()))
        }
        // From memory: for who looks often.
        routes.on(.get, "/v1/keys/progress", for: [.admin]) { [core] _, _, _ in
            JSONResponse.response(Views.progress(await core.keys.progress))
        }
        routes.on(.post, "/v1/keys/rotate", for: [.admin]) { [core] _, _, caller in
            JSONResponse.response(Views.progress(try await core.keys.rotate(by: caller)), status: .accepted)
        }
        routes.on(.post, "/v1/keys/rewrap", for: [.admin]) { [core] _, _, caller in
            let (old, new) = try await core.keys.rewrap(by: caller)
            return JSONResponse.response(
                .object(JSONObject([("master_key", .string(new)), ("previous", .string(old))])))
        }
    }
}

extension Views {
    static func keys(_ status: KeyStatus) -> JSONValue {
        var members = JSONObject()
        if let masterKey = status.masterKey {
            members["master_key"] = .object(
                JSONObject([("id", .string(masterKey)), ("rewrap_due", .bool(status.isRewrapDue))]))
        }
        members["data_keys"] = .array(
            status.keys.map { key in
                let boxes = key.boxes.sorted { $0.key.rawValue < $1.key.rawValue }
                return .object(
                    JSONObject([
                        ("term", .number(JSONNumber(Int(key.term)))),
                        ("state", .string(key.state?.rawValue ?? "missing")),
                        ("boxes", .number(JSONNumber(boxes.reduce(0) { $0 + $1.value }))),
                        (
                            "places",
                            .object(JSONObject(boxes.map { ($0.key.rawValue, .number(JSONNumber($0.value))) }))
                        ),
                    ]))
            })
        members["unwritten"] = .number(JSONNumber(status.unwritten))
        members["progress"] = progress(status.progress)
        return .object(members)
    }

    static func progress(_ progress: KeyProgress) -> JSONValue {
        .object(
            JSONObject([
                ("state", .string(progress.state.rawValue)),
                ("active_term", .number(JSONNumber(Int(progress.activeTerm)))),
                ("rows_resealed", .number(JSONNumber(progress.resealed))),
                ("boxes_found", .number(JSONNumber(progress.found))),
            ]))
    }
}
