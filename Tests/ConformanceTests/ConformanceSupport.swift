import Crypto
import HTTPTypes

@testable import OAuth

// What the tables have in common: one client, one server, and answers as they come off the wire.

let now = 1_800_000_000
let fresh = Freshness(now: now, jti: "j-1")
let secretClient = Client(id: "client", authentication: .clientSecretBasic(Secret("secret")))
let publicClient = Client(id: "client", authentication: .none)

/// The identifiers of two servers; each endpoint stands below its own.
let issuer = "https://as.example"
let otherIssuer = "https://other.example"

func url(_ text: String = "https://as.example/token") throws -> EndpointURL { try EndpointURL(text) }

func answer(_ status: Int, _ body: String, _ fields: HTTPFields = [.contentType: "application/json"])
    -> EndpointResponse
{
    EndpointResponse(status: status, headerFields: fields, body: Array(body.utf8))
}

/// The answer's challenge, which may be several.
func challenged(_ status: Int, _ challenge: String) -> EndpointResponse {
    EndpointResponse(status: status, headerFields: [.wwwAuthenticate: challenge])
}

func form(_ request: EndpointRequest) throws -> Parameters { try Parameters(formURLEncoded: request.body) }

func tokenRequest(
    _ grant: Parameters = Parameters([("grant_type", "client_credentials")]), by client: Client = secretClient,
    dialect: Dialect = Dialect()
) throws -> EndpointRequest {
    TokenRequest.make(grant, at: try url(), client: client, dialect: dialect, purpose: .grant, freshness: fresh)
}

/// The verdict on a token answer of 200.
func judgeToken(_ body: String, accepting types: TokenTypes = .bearer) -> TokenVerdict {
    TokenResponse.judge(answer(200, body), dialect: Dialect(), accepting: types)
}

extension TokenVerdict {
    var granted: TokenResponse? { if case .granted(let token) = self { token } else { nil } }
    var isMalformed: Bool { if case .malformed = self { true } else { false } }
}

func authorizationRequest() -> AuthorizationRequest {
    AuthorizationRequest(
        clientID: "client", redirectURI: "https://credence.example/callback/c", scope: ["a", "B"],
        state: Secret("st"), codeChallenge: "ch")
}

/// The verdict on what came back to the redirection endpoint.
func judgeReturn(_ query: String, promisesIssuer: Bool = false) throws -> AuthorizationVerdict {
    var server = AuthorizationServer()
    server.issuer = issuer
    server.authorizationResponseIssParameterSupported = promisesIssuer
    return AuthorizationResponse.judge(
        try Parameters(formURLEncoded: query), server: server, dialect: Dialect())
}

extension AuthorizationVerdict {
    var isInvalid: Bool { if case .invalid = self { true } else { false } }
}

// MARK: Keys and signed tokens

enum Keys {
    static let p256 = SigningKey.generateES256()
    static let other = SigningKey.generateES256()
    static let set = JSONWebKeySet([p256.publicKey])
}

/// The parts of a signed token, which nobody has verified.
struct Parts {
    let header: JSONObject
    let claims: JSONObject

    init?(_ compact: String) {
        let parts = compact.split(separator: ".", omittingEmptySubsequences: false).map { bytes(base64URL: $0.utf8) }
        guard parts.count == 3, let header = parts[0].flatMap(object), let claims = parts[1].flatMap(object) else {
            return nil
        }
        self.header = header
        self.claims = claims
    }
}

func object(_ bytes: [UInt8]) -> JSONObject? {
    if case .object(let members)? = try? JSONReader.read(bytes) { members } else { nil }
}

func object(_ text: String) -> JSONObject? { object(Array(text.utf8)) }

/// A token in the compact form from texts of JSON, with ES256 unless `sign` does something else.
func signed(
    header: String = #"{"alg":"ES256"}"#, _ payload: String,
    sign: ([UInt8]) -> [UInt8] = { (try? Keys.p256.sign($0, algorithm: .es256)) ?? [] }
) -> String {
    let text = "\(base64URL(Array(header.utf8))).\(base64URL(Array(payload.utf8)))"
    return "\(text).\(base64URL(sign(Array(text.utf8))))"
}

extension JSONObject {
    func text(_ name: String) -> String? { if case .string(let text)? = self[name] { text } else { nil } }
    func int(_ name: String) -> Int? { if case .number(let number)? = self[name] { number.int } else { nil } }
}

/// Ends a test whose verdict is of another kind altogether.
struct Unexpected: Error, CustomStringConvertible {
    let description: String

    init(_ verdict: some Sendable) { description = "\(verdict)" }
}
