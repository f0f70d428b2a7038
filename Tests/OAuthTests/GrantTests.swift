import HTTPTypes
import Testing

@testable import OAuth

@Suite("Grants besides the code")
struct GrantTests {
    @Test("IANA: every grant type has its registered name")
    func names() {
        #expect(
            GrantType.allCases.map(\.rawValue) == [
                "authorization_code", "refresh_token", "client_credentials",
                "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ])
    }

    @Test("RFC 6749 §4.4.2: client credentials, with scope and resources where there are any")
    func clientCredentials() {
        #expect(
            ClientCredentialsGrant.parameters(scope: [], separator: " ").formURLEncoded
                == "grant_type=client_credentials")
        #expect(
            ClientCredentialsGrant.parameters(
                scope: ["a", "b"], separator: ",", resource: ["https://r.example/1", "https://r.example/2"])
                == Parameters([
                    ("grant_type", "client_credentials"), ("scope", "a,b"), ("resource", "https://r.example/1"),
                    ("resource", "https://r.example/2"),
                ]))
    }

    @Test("RFC 8628 §3.4: its example")
    func deviceCode() {
        #expect(
            DeviceCodeGrant.parameters(deviceCode: Secret("GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS"))
                .formURLEncoded
                == "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code"
                + "&device_code=GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS")
    }

    @Test("RFC 7523 §2.1: its example")
    func jwtBearer() {
        #expect(
            JWTBearerGrant.parameters(
                assertion: Secret("eyJhbGciOiJFUzI1NiIsImtpZCI6IjE2In0."), scope: [], separator: " "
            )
            .formURLEncoded
                == "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
                + "&assertion=eyJhbGciOiJFUzI1NiIsImtpZCI6IjE2In0.")
        #expect(
            JWTBearerGrant.parameters(
                assertion: Secret("a"), scope: ["x", "y"], separator: "|", resource: ["https://r.example"]
            ).pairs.dropFirst(2) == [.init("scope", "x|y"), .init("resource", "https://r.example")])
    }

    @Test("RFC 8693 §2.3: its example")
    func tokenExchange() {
        #expect(
            TokenExchangeGrant.parameters(
                subjectToken: Secret("accVkjcJyb4BWCxGsndESCJQbdFMogUC5PbRDqceLTC"),
                subjectTokenType: TokenExchangeGrant.accessTokenType, resource: ["https://backend.example.com/api"],
                scope: [], separator: " "
            ).formURLEncoded
                == "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange"
                + "&resource=https%3A%2F%2Fbackend.example.com%2Fapi"
                + "&subject_token=accVkjcJyb4BWCxGsndESCJQbdFMogUC5PbRDqceLTC"
                + "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token")
    }

    @Test("RFC 8693 §2.1: all it can hold; resource and audience once for each")
    func wholeTokenExchange() {
        let parameters = TokenExchangeGrant.parameters(
            subjectToken: Secret("s"), subjectTokenType: "urn:s", actorToken: Secret("a"), actorTokenType: "urn:a",
            resource: ["https://r.example/1", "https://r.example/2"], audience: ["one", "two"], scope: ["x", "y"],
            separator: ",", requestedTokenType: "urn:r")
        #expect(parameters.values(of: "resource") == ["https://r.example/1", "https://r.example/2"])
        #expect(parameters.values(of: "audience") == ["one", "two"])
        #expect(parameters["scope"] == "x,y")
        #expect(parameters["requested_token_type"] == "urn:r")
        #expect(parameters["actor_token"] == "a")
        #expect(parameters["actor_token_type"] == "urn:a")
        #expect(Set(parameters.duplicatedNames) == ["resource", "audience"])
    }

    @Test("RFC 8693 §2.1: the actor's type goes with the actor's token, and not without")
    func actor() {
        func parameters(_ actor: Secret?, _ type: String?) -> Parameters {
            TokenExchangeGrant.parameters(
                subjectToken: Secret("s"), subjectTokenType: "urn:s", actorToken: actor, actorTokenType: type,
                scope: [], separator: " ")
        }
        #expect(parameters(nil, "urn:a")["actor_token_type"] == nil)
        #expect(parameters(Secret("a"), nil)["actor_token_type"] == TokenExchangeGrant.accessTokenType)
    }

    @Test("The exchange that came before the RFC: an assertion to be used on behalf of its subject")
    func onBehalfOf() {
        #expect(
            TokenExchangeGrant.onBehalfOf(assertion: Secret("t"), scope: ["a", "b"], separator: " ")
                == Parameters([
                    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", "t"),
                    ("scope", "a b"), ("requested_token_use", "on_behalf_of"),
                ]))
    }

    @Test("A refresh joins its scopes by the separator of the profile")
    func refresh() {
        let parameters = RefreshTokenGrant.parameters(refreshToken: Secret("r"), scope: ["a", "b"], separator: ",")
        #expect(parameters["scope"] == "a,b")
    }

    @Test("RFC 8707 §2: several resources reach the token endpoint")
    func resources() throws {
        let grant = ClientCredentialsGrant.parameters(
            scope: [], separator: " ", resource: ["https://r.example/1", "https://r.example/2"])
        let request = TokenRequest.make(
            grant, at: try endpoint(), client: Client(id: "c", authentication: .none), dialect: Dialect(),
            purpose: .grant, freshness: Freshness(now: 0, jti: "j"))
        #expect(
            try Parameters(bodyOf: request).values(of: "resource") == ["https://r.example/1", "https://r.example/2"])
    }
}

@Suite("Types of token")
struct TokenTypeTests {
    static func judge(_ type: String, _ types: TokenTypes, more: String = "") -> TokenVerdict {
        TokenResponse.judge(
            EndpointResponse(200, nil, #"{"access_token":"a","token_type":"\#(type)"\#(more)}"#), dialect: Dialect(),
            accepting: types)
    }

    static func granted(_ type: String, _ types: TokenTypes, more: String = "") throws -> TokenResponse {
        guard case .granted(let response) = judge(type, types, more: more) else { throw Unexpected() }
        return response
    }

    struct Unexpected: Error {}

    @Test("RFC 9449 §5: its example is granted to who sent a proof")
    func dpopExample() throws {
        let body =
            #"{"access_token":"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU","token_type":"DPoP","expires_in":2677,"#
            + #""refresh_token":"Q..Zkm29lexi8VnWg2zPW1x-tgGad0Ibc3s3EwM_Ni4-g"}"#
        let verdict = TokenResponse.judge(EndpointResponse(200, nil, body), dialect: Dialect(), accepting: .dpop)
        guard case .granted(let response) = verdict else { throw Unexpected() }
        #expect(response.tokenType == "DPoP")
        #expect(response.warnings.isEmpty)
        #expect(response.expiresIn == 2677)
    }

    @Test("RFC 9449 §5: DPoP in any case, written as the scheme is", arguments: ["DPoP", "dpop", "DPOP"])
    func dpop(_ type: String) throws {
        #expect(try Self.granted(type, .dpop).tokenType == "DPoP")
        #expect(TokenResponseTests.isMalformed(Self.judge(type, .bearer)))
        #expect(TokenResponseTests.isMalformed(Self.judge(type, .notApplicable)))
    }

    @Test("RFC 9449 §5: Bearer in answer to a proof is taken, with a warning")
    func bearerForProof() throws {
        let response = try Self.granted("bearer", .dpop)
        #expect(response.tokenType == "Bearer")
        #expect(response.warnings == ["token_type is Bearer although a proof was sent"])
        #expect(try Self.granted("bearer", .bearer).warnings.isEmpty)
    }

    @Test("RFC 8693 §2.2.1: N_A is for a token exchange alone, and no Bearer", arguments: ["N_A", "n_a"])
    func notApplicable(_ type: String) throws {
        #expect(try Self.granted(type, [.bearer, .notApplicable]).tokenType == "N_A")
        #expect(TokenResponseTests.isMalformed(Self.judge(type, .bearer)))
        #expect(TokenResponseTests.isMalformed(Self.judge(type, .dpop)))
    }

    @Test("RFC 8693 §2.2.1: what was issued is said, and stands nowhere else")
    func issued() throws {
        let type = "urn:ietf:params:oauth:token-type:access_token"
        let response = try Self.granted(
            "Bearer", [.bearer, .notApplicable], more: #","issued_token_type":"\#(type)","x":1"#)
        #expect(response.issuedTokenType == type)
        #expect(response.additional.names == ["x"])
    }

    @Test("No Bearer where none is accepted")
    func noBearer() { #expect(TokenResponseTests.isMalformed(Self.judge("Bearer", .notApplicable))) }
}
