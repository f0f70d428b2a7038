import Foundation
import OAuth

/// A value that goes into some requests alone, or gives way to what is there: `apply.placements`.
struct PlacementForm: Sendable {
    enum Place: String, CaseIterable { case header, query, cookie }
    enum Action: String, CaseIterable { case override, append, skip }

    let place: Place
    let name: String
    let value: Template
    /// IDs of operations; empty stands for all.
    let operations: [String]
    let action: Action
}

/// Where requests go, as the profile has it.
struct RouteForm: Sendable {
    let template: Template
    /// Whether it is the path alone.
    let isPath: Bool
    let operations: [String]
    /// Whether the request chooses the host: then nobody but `hosts` says where a credential may go.
    let isOfRequest: Bool
}

extension Provider {
    /// Where requests of some operations, or of all, go.
    public struct Route: Sendable, Hashable {
        /// A base URL; nil where `path` says something.
        public let url: String?
        public let path: String?
        /// IDs of operations; empty stands for all.
        public let operations: [String]
    }

    /// The routes as the profile has them, with their holes.
    public var routeTemplates: [Route] {
        routeForms.map {
            Route(
                url: $0.isPath ? nil : $0.template.shown, path: $0.isPath ? $0.template.shown : nil,
                operations: $0.operations)
        }
    }

    /// The routes with the fields filled in; those that only a request knows are left out. A value fills its place in a
    /// path and nothing more; a base URL is https whatever its field says.
    /// - Parameter values: the secrets and the captured attributes, by name.
    public func routes(values: [String: String]) -> [Route] {
        let values = apply.fields.merging(values) { _, own in own }
        return routeForms.filter { !$0.isOfRequest }.compactMap { form in
            guard form.isPath else {
                guard let url = Self.url(form.template.filled(values)) else { return nil }
                return Route(url: url, path: nil, operations: form.operations)
            }
            let encoded = values.mapValues { Parameters.encode($0) }
            return Route(url: nil, path: form.template.filled(encoded), operations: form.operations)
        }
    }

    /// `https://` alone in front, once; nil for what is no base URL.
    private static func url(_ text: String) -> String? {
        var rest = Substring(text)
        while let scheme = ["https://", "http://"].first(where: { rest.lowercased().hasPrefix($0) }) {
            rest = rest.dropFirst(scheme.count)
        }
        return (try? EndpointURL("https://\(rest)"))?.string
    }
}

extension ProfileReader {
    mutating func routes(_ value: JSONValue?, into profile: inout ProviderProfile, holes: Set<String>) {
        let secrets = profile.fields.filter { !$0.isPlain && $0.of == .connection }.map(\.name)
        for (index, element) in (array(value, "/routes", of: "objects") ?? []).enumerated() {
            let path = "/routes/\(index)"
            guard let members = object(element, path, known: ["url", "path", "operations", "of_request"]) else {
                continue
            }
            let isPath = members["url"] == nil
            guard isPath != (members["path"] == nil) else {
                complain(path, "must have url or path")
                continue
            }
            // The host of a URL is told to many; a path is the API's own.
            let known = isPath ? holes.union(secrets) : holes
            let text = string(members[isPath ? "path" : "url"], "\(path)/\(isPath ? "path" : "url")")
            guard let template = template(text, path, holes: known) else { continue }
            profile.routes.append(
                RouteForm(
                    template: template, isPath: isPath,
                    operations: strings(members["operations"], "\(path)/operations") ?? [],
                    isOfRequest: bool(members["of_request"], "\(path)/of_request") ?? false))
        }
    }

    mutating func placements(_ value: JSONValue?, holes: Set<String>) -> [PlacementForm] {
        var placements: [PlacementForm] = []
        for (index, element) in (array(value, "/apply/placements", of: "objects") ?? []).enumerated() {
            let path = "/apply/placements/\(index)"
            guard let members = object(element, path, known: ["in", "name", "value", "operations", "action"]) else {
                continue
            }
            let name = requiredString(members["name"], "\(path)/name")
            let place = choice(members["in"], "\(path)/in", PlacementForm.Place.self) ?? .header
            // What a gateway before the API tells its tenants apart by; nothing but a host goes in.
            let isHost = place == .header && Apply.isHost(name)
            if place != .query, !isHost, !Apply.isToken(name) || Apply.isFraming(name) {
                complain("\(path)/name", "is not a name that a credential may go under")
            }
            guard
                let template = template(
                    requiredString(members["value"], "\(path)/value"), "\(path)/value", holes: holes)
            else { continue }
            placements.append(
                PlacementForm(
                    place: place, name: name, value: template,
                    operations: strings(members["operations"], "\(path)/operations") ?? [],
                    action: members["action"] == nil
                        ? .override
                        : choice(members["action"], "\(path)/action", PlacementForm.Action.self) ?? .override))
        }
        return placements
    }
}
