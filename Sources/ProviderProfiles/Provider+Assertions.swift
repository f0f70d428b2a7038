extension Provider {
    /// How the assertion is made that is a grant by itself (RFC 7523 §2.1). All holes are filled.
    public struct JWTBearer: Sendable, Hashable {
        /// Where the scopes of such a request stand.
        public enum ScopePlace: String, Sendable, CaseIterable {
            /// In the request's `scope` (RFC 7521 §4.1).
            case form
            /// In the assertion, as a claim.
            case claim
        }

        /// How the assertion is sent.
        public enum Sending: String, Sendable, CaseIterable {
            /// As the `assertion` of a token request (RFC 7523 §2.1).
            case assertion
            /// As a bearer token of a call that answers with a token: `Authorization: Bearer`.
            case bearer
        }

        /// `iss`: the client id where the profile says nothing else.
        public let issuer: String
        /// `sub`; nil where nobody said whom it speaks for.
        public let subject: String?
        /// `aud`; nil where the profile leaves it to the standard.
        public let audience: String?
        public let scopeIn: ScopePlace
        /// In seconds, from `iat` to `exp`.
        public let lifetime: Int
        public let sending: Sending
    }

    /// How a JWT bearer grant is made here; nil where the profile has none.
    public func jwtBearer(clientID: String) -> JWTBearer? {
        guard let form = jwtBearerForm else { return nil }
        let values = apply.fields.merging([JWTBearerForm.clientIDHole: clientID]) { _, own in own }
        let text = { (template: Template?) -> String? in
            guard let text = template?.filled(values), !text.isEmpty else { return nil }
            return text
        }
        return JWTBearer(
            issuer: text(form.issuer) ?? clientID, subject: text(form.subject), audience: text(form.audience),
            scopeIn: form.scopeIn, lifetime: form.lifetime, sending: form.sending)
    }
}

/// `jwt_bearer` as the profile has it, with holes.
struct JWTBearerForm: Sendable {
    /// The hole that no field fills, but the client's registration.
    static let clientIDHole = "client_id"

    var issuer: Template?
    var subject: Template?
    var audience: Template?
    var scopeIn = Provider.JWTBearer.ScopePlace.form
    /// Three minutes: what the strictest known take.
    var lifetime = 180
    var sending = Provider.JWTBearer.Sending.assertion
}

/// `audience` of `client_assertion` as the profile has it, with holes.
enum AssertionAudienceForm: Sendable {
    case issuer
    case tokenEndpoint
    case fixed(Template)
}
