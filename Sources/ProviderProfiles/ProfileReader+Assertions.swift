import OAuth

extension ProfileReader {
    /// How a JWT bearer grant is made.
    mutating func jwtBearer(_ value: JSONValue?, holes: Set<String>) -> JWTBearerForm? {
        let path = "/jwt_bearer"
        guard
            let members = object(
                value, path, known: ["issuer", "subject", "audience", "scope_in", "lifetime", "sent_as"])
        else { return nil }
        let fillable = holes.union([JWTBearerForm.clientIDHole])
        var form = JWTBearerForm()
        form.issuer = claim(members["issuer"], "\(path)/issuer", holes: fillable)
        form.subject = claim(members["subject"], "\(path)/subject", holes: fillable)
        form.audience = claim(members["audience"], "\(path)/audience", holes: fillable)
        if let place = members["scope_in"] {
            form.scopeIn = choice(place, "\(path)/scope_in", Provider.JWTBearer.ScopePlace.self) ?? .form
        }
        if let sending = members["sent_as"] {
            form.sending = choice(sending, "\(path)/sent_as", Provider.JWTBearer.Sending.self) ?? .assertion
        }
        if let lifetime = members["lifetime"] {
            if case .number(let number) = lifetime, let seconds = number.int, (30...3600).contains(seconds) {
                form.lifetime = seconds
            } else {
                complain("\(path)/lifetime", "must be a whole number of seconds from 30 to 3600")
            }
        }
        return form
    }

    private mutating func claim(_ value: JSONValue?, _ path: String, holes: Set<String>) -> Template? {
        guard let value else { return nil }
        let text = requiredString(value, path)
        return text.isEmpty ? nil : template(text, path, holes: holes)
    }

    /// What a client's assertion says besides the standard.
    mutating func clientAssertion(_ value: JSONValue?, into profile: inout ProviderProfile, holes: Set<String>) {
        let path = "/client_assertion"
        guard let members = object(value, path, known: ["audience", "headers"]) else { return }
        let audience = string(members["audience"], "\(path)/audience")
        switch audience {
        case nil: break
        case "issuer"?: profile.assertionAudience = .issuer
        case "token_endpoint"?: profile.assertionAudience = .tokenEndpoint
        case let text?:
            guard Self.mayBeURL(text) else {
                complain("\(path)/audience", "must be issuer, token_endpoint, or an https URL")
                break
            }
            guard let template = template(text, "\(path)/audience", holes: holes) else { break }
            check(
                template, of: profile.fields, named: "audience", at: "\(path)/audience",
                host: "that its client's assertion is made for")
            profile.assertionAudience = .fixed(template)
        }
        for (index, element) in (array(members["headers"], "\(path)/headers", of: "strings") ?? []).enumerated() {
            let place = "\(path)/headers/\(index)"
            guard let header = choice(element, place, CertificateHeader.self) else { continue }
            if !profile.assertionCertificateHeaders.insert(header).inserted { complain(place, "is said already") }
        }
    }

    /// The issuers that an ID token may name.
    mutating func idToken(_ value: JSONValue?, into profile: inout ProviderProfile, holes: Set<String>) {
        guard let members = object(value, "/id_token", known: ["issuers"]) else { return }
        let path = "/id_token/issuers"
        guard members["issuers"] != nil else { return complain(path, "is missing") }
        guard let texts = strings(members["issuers"], path) else { return }
        if texts.isEmpty { complain(path, "must name an issuer") }
        for (index, text) in texts.enumerated() {
            let place = "\(path)/\(index)"
            guard let template = template(text, place, holes: holes, claims: true) else { continue }
            profile.idTokenIssuers.append(template)
            guard !template.isBareHost else { continue }
            if let hole = template.authorityHoles.first(where: { Template.claim(ofHole: $0) != nil }) {
                complain(place, "lets a token choose the host of its issuer: {\(hole)} belongs into the path")
            } else {
                check(
                    template, of: profile.fields, named: "issuer", at: place, host: "whose ID tokens are believed")
            }
        }
    }

    /// Whether somebody meant a URL, or a hole that brings one: then there is more to say about it.
    static func mayBeURL(_ text: String) -> Bool { text.contains("://") || text.hasPrefix("{") }
}
