import Foundation
public import OAuth

/// A profile with its holes filled: what requests are made from.
public struct Provider: Sendable {
    public let name: String
    public let title: String
    public let kind: ProfileKind
    public let authorizationServer: AuthorizationServer
    /// Where the endpoints are found, when the profile gives an issuer and no endpoints.
    public let discoveryIssuer: String?
    public let dialect: Dialect
    public let defaultScopes: [String]
    public let remedies: [String: OAuthError.Remedy]
    public let expiry: ProviderProfile.Expiry
    public let refreshTokenPolicy: ProviderProfile.RefreshToken
    public let capture: [ProviderProfile.Capture]
    public let apply: Apply
    let hostTemplates: [Template]

    /// Where the credential belongs. What has a hole without a value is left out, and what renders empty.
    public func hosts(values: [String: String]) -> [String] {
        hostTemplates.compactMap { $0.filledWhole(apply.fields.merging(values) { _, own in own }) }
            .flatMap { $0.split(separator: ",") }
            .map { String($0.filter { $0 != " " }) }.filter { !$0.isEmpty }
    }
}

/// What does not fit about the fields of a client or a connection.
public struct FieldProblems: Error, Sendable, CustomStringConvertible {
    public let problems: [String]
    public var description: String { problems.joined(separator: " ") }
}

extension ProviderProfile {
    /// Fills the holes.
    /// - Parameter allowHTTP: development alone.
    public func provider(fields given: [String: String], allowHTTP: Bool) -> Result<Provider, FieldProblems> {
        var problems = fieldProblems(given, of: nil)
        let values = withDefaults(given)
        for field in fields where field.required && (values[field.name] ?? "").isEmpty {
            problems.append("The field \(field.name) (\(field.title)) is missing.")
        }
        guard problems.isEmpty else { return .failure(FieldProblems(problems: problems)) }

        var server = AuthorizationServer()
        for (name, template) in endpoints {
            let text = template.filled(values)
            guard !text.isEmpty else { continue }
            do {
                let url = try EndpointURL(text)
                guard url.isSecure || allowHTTP else {
                    problems.append("\(name) must be https; http is for --development alone.")
                    continue
                }
                if name == "issuer" { server.issuer = text } else { Self.set(name, url, in: &server) }
            } catch {
                problems.append("\(name) is not the URL of an endpoint: \(error).")
            }
        }
        server.tokenEndpointAuthMethodsSupported = tokenEndpointAuthMethodsSupported
        server.codeChallengeMethodsSupported = codeChallengeMethodsSupported
        server.grantTypesSupported = grantTypesSupported
        server.authorizationResponseIssParameterSupported = authorizationResponseIssParameterSupported

        var discoveryIssuer: String?
        if kind == .oauth2, server.tokenEndpoint == nil || server.authorizationEndpoint == nil {
            discoveryIssuer = server.issuer
            if discoveryIssuer == nil, problems.isEmpty {
                problems.append("Give the field issuer, or authorization_endpoint and token_endpoint.")
            }
        }
        guard problems.isEmpty else { return .failure(FieldProblems(problems: problems)) }
        return .success(
            Provider(
                name: name, title: title, kind: kind, authorizationServer: server, discoveryIssuer: discoveryIssuer,
                dialect: dialect(values), defaultScopes: defaultScopes, remedies: errors, expiry: expiry,
                refreshTokenPolicy: refreshToken, capture: capture,
                apply: Apply(headers: applyHeaders, query: applyQuery, fields: values), hostTemplates: hosts))
    }

    /// Checks a client's fields by themselves: connections may fill in theirs later.
    public func checkClientFields(_ given: [String: String], allowHTTP: Bool) -> Result<Void, FieldProblems> {
        var problems = fieldProblems(given, of: .client)
        let values = withDefaults(given)
        for field in fields where field.of == .client && field.required && (values[field.name] ?? "").isEmpty {
            problems.append("The field \(field.name) (\(field.title)) is missing.")
        }
        let waits = fields.contains { $0.of == .connection && $0.required && $0.default == nil }
        if problems.isEmpty, !waits, case .failure(let found) = provider(fields: given, allowHTTP: allowHTTP) {
            problems = found.problems
        }
        return problems.isEmpty ? .success(()) : .failure(FieldProblems(problems: problems))
    }

    private func fieldProblems(_ given: [String: String], of: Field.Of?) -> [String] {
        var problems: [String] = []
        for (name, value) in given.sorted(by: { $0.key < $1.key }) {
            guard let field = fields.first(where: { $0.name == name }), of == nil || field.of == of else {
                let known = fields.filter { of == nil || $0.of == of }.map(\.name).joined(separator: ", ")
                problems.append(
                    "There is no field \(name.prefix(64)) here; known are: \(known.isEmpty ? "none" : known).")
                continue
            }
            if value.utf8.count > 4096 || value.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
            {
                problems.append("The field \(name) is longer than 4096 bytes or holds control characters.")
            } else if let allowed = field.allowedValues, !allowed.contains(value) {
                problems.append("The field \(name) is one of: \(allowed.joined(separator: ", ")).")
            } else if let pattern = field.pattern, !Self.matches(value, pattern) {
                problems.append("The field \(name) must have the form \(pattern).")
            }
        }
        return problems
    }

    static func matches(_ value: String, _ pattern: String) -> Bool {
        guard let expression = try? NSRegularExpression(pattern: "^(?:\(pattern))$") else { return false }
        let whole = NSRange(value.startIndex..., in: value)
        return expression.firstMatch(in: value, range: whole)?.range == whole
    }

    func withDefaults(_ given: [String: String]) -> [String: String] {
        let givenGroups = Set(fields.filter { given[$0.name]?.isEmpty == false }.compactMap(\.group))
        var values = given
        for field in fields where values[field.name] == nil {
            if let group = field.group, givenGroups.contains(group) { continue }
            values[field.name] = field.default
        }
        return values
    }

    private func dialect(_ values: [String: String]) -> Dialect {
        var dialect = Dialect()
        dialect.scopeSeparator = scopeSeparator
        let fill = { (list: [(name: String, template: Template)]) in
            Parameters(list.map { ($0.name, $0.template.filled(values)) }.filter { !$0.1.isEmpty })
        }
        dialect.authorizationParameters = fill(authorizationParameters)
        dialect.tokenParameters = fill(tokenParameters)
        dialect.refreshParameters = fill(refreshParameters)
        for departure in departures { departure.apply(to: &dialect) }
        return dialect
    }

    private static func set(_ name: String, _ url: EndpointURL, in server: inout AuthorizationServer) {
        switch name {
        case "authorization_endpoint": server.authorizationEndpoint = url
        case "token_endpoint": server.tokenEndpoint = url
        case "revocation_endpoint": server.revocationEndpoint = url
        case "introspection_endpoint": server.introspectionEndpoint = url
        case "device_authorization_endpoint": server.deviceAuthorizationEndpoint = url
        case "pushed_authorization_request_endpoint": server.pushedAuthorizationRequestEndpoint = url
        case "userinfo_endpoint": server.userinfoEndpoint = url
        case "jwks_uri": server.jwksURI = url
        default: return
        }
    }
}
