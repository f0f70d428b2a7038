import Foundation
import HTTPTypes
import OAuth

/// What access tokens open (RFC 6750).
extension AuthorizationServerState {
    mutating func userinfo(_ request: Request, now: Int) -> Answer {
        opened(by: request, now: now) { opened, behaviour in
            behaviour.userinfoAnswer?(opened)
                ?? .json(Self.json([("sub", jsonString(opened.user)), ("name", jsonString(opened.user))]))
        }
    }

    mutating func resource(_ request: Request, now: Int) -> Answer {
        opened(by: request, now: now) { opened, behaviour in
            behaviour.resourceAnswer?(opened)
                ?? .json(
                    Self.json([
                        ("user", jsonString(opened.user)), ("client", jsonString(opened.client)),
                        ("scope", jsonString(opened.scope.joined(separator: " "))),
                    ]))
        }
    }

    /// The token of a request, where it has one.
    func bearer(_ request: Request) -> String? {
        let parts = (request.headerFields[.authorization] ?? "").split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }

    private mutating func opened(
        by request: Request, now: Int, _ answer: (FakeAuthorizationServer.Opened, Behaviour) -> Answer
    ) -> Answer {
        guard let text = bearer(request) else { return refused(.missing) }
        if let fault = fault(of: text, now: now) { return refused(fault) }
        guard let token = accessTokens[text] else { return refused(.unknown) }
        if let challenge = behaviour.claimsChallenge, token.claims.contains("cp1"), !token.claims.contains(challenge) {
            return insufficientClaims(challenge)
        }
        if behaviour.useExtendsAccessTokens {
            accessTokens[text]?.expiresAt = token.lifetime.map { now + $0 } ?? token.expiresAt
        }
        let grant = grants[token.grant]
        return answer(
            FakeAuthorizationServer.Opened(
                client: grant.client, user: grant.user, scope: token.scope, request: request, origin: origin),
            behaviour)
    }

    private func refused(_ fault: FakeAuthorizationServer.TokenFault) -> Answer {
        if let answer = behaviour.refusedToken?(fault) { return answer }
        // RFC 6750 §3.1: no error code for whoever sent no token.
        return .unauthorized(
            fault == .missing ? #"Bearer realm="resource""# : #"Bearer realm="resource", error="invalid_token""#)
    }

    private func insufficientClaims(_ challenge: String) -> Answer {
        let claims = Data(challenge.utf8).base64EncodedString()
        return .unauthorized(
            #"Bearer realm="", authorization_uri="\#(issuer + behaviour.paths.authorization)", "#
                + #"error="insufficient_claims", claims="\#(claims)""#)
    }
}

extension FakeAuthorizationServer.Answer {
    static func unauthorized(_ challenge: String) -> Self {
        var answer = Self.json(#"{"message":"Bad credentials"}"#, status: 401)
        answer.headerFields[.wwwAuthenticate] = challenge
        return answer
    }
}
