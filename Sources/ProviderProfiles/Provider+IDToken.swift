import OAuth

extension Provider {
    /// Whether the profile names the issuers of ID tokens: then one for which `idTokenIssuers` finds none must be
    /// refused, not passed over.
    public var namesIDTokenIssuers: Bool { !idTokenIssuerForms.isEmpty }

    /// The issuers that an ID token may name, to the letter (OpenID Connect Core §3.1.3.7): the profile's, or else the
    /// authorization server's own. Where the profile's need a claim that is not there, none.
    /// - Parameter claims: the text of a claim of the same ID token. One of another form than an identifier's fills
    ///   nothing: else the token could write the issuer that it is held against.
    public func idTokenIssuers(claims: (String) -> String?) -> [String] {
        guard namesIDTokenIssuers else { return authorizationServer.issuer.map { [$0] } ?? [] }
        return idTokenIssuerForms.compactMap { template in
            var values = apply.fields
            for claim in template.claims {
                guard let value = claims(claim), Self.isIdentifier(value) else { return nil }
                values[Template.hole(ofClaim: claim)] = value
            }
            return try? template.filledIssuer(values, allowHTTP: true)
        }
    }

    /// `[A-Za-z0-9._-]{1,128}`
    private static func isIdentifier(_ value: String) -> Bool {
        (1...128).contains(value.utf8.count)
            && value.unicodeScalars.allSatisfy { $0.isASCIIAlphanumeric || "._-".unicodeScalars.contains($0) }
    }
}

extension Template {
    private static let claimPrefix = "claim:"

    static func hole(ofClaim name: String) -> String { "\(claimPrefix)\(name)" }

    /// The name of the claim that a hole stands for; nil for a field's.
    static func claim(ofHole hole: some StringProtocol) -> String? {
        hole.hasPrefix(claimPrefix) ? String(hole.dropFirst(claimPrefix.count)) : nil
    }

    /// The claims that fill its holes.
    var claims: [String] { holes.compactMap { Self.claim(ofHole: $0) } }

    /// Whether it is a bare host, as some issuers are written that are older than the standard.
    var isBareHost: Bool {
        guard holes.isEmpty else { return false }
        let text = filled([:])
        return text.contains(".") && !text.contains("://") && !text.hasPrefix("*") && HostName.normalized(text) == text
    }

    /// An issuer; nil when it is one hole and nobody filled it.
    func filledIssuer(_ values: [String: String], allowHTTP: Bool) throws(Misfit) -> String? {
        isBareHost ? filled([:]) : try filledEndpoint("issuer", values, allowHTTP: allowHTTP)?.string
    }
}
