import Broker
import HTTPTypes
import Hummingbird
import OAuth
import ProviderProfiles

/// `/v1/providers`: the profiles in force.
struct ProviderRoutes: Sendable {
    let core: BrokerCore

    func add(to routes: Routes) {
        routes.on(.get, "/v1/providers", for: [.admin, .app]) { [core] _, _, _ in
            JSONResponse.response(Views.list("providers", core.catalog.all.map(Self.summary)))
        }
        routes.on(.get, "/v1/providers/{name}", for: [.admin, .app]) { [core] _, context, _ in
            guard let profile = context.parameters.get("name").flatMap({ core.catalog[$0] }) else {
                throw BrokerError.notFound("provider")
            }
            return JSONResponse.response(profile.source)
        }
    }

    private static func summary(_ profile: ProviderProfile) -> JSONValue {
        .object(
            JSONObject([
                ("provider", .string(profile.name)), ("title", .string(profile.title)),
                ("kind", .string(profile.kind.rawValue)),
            ]))
    }
}
