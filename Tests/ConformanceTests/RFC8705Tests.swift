import HTTPTypes
import Testing

@testable import OAuth

@Suite("RFC 8705: Mutual-TLS Client Authentication")
struct RFC8705Tests {
    static let key = ClientKey(privateKey: [1], certificates: [[2]])
    static let methods: [ClientAuthentication] = [.tlsClientAuth(key), .selfSignedTLSClientAuth(key)]

    @Test("RFC 8705 §2: client_id is in the request", arguments: methods)
    func clientID(method: ClientAuthentication) throws {
        #expect(try form(try tokenRequest(by: Client(id: "client", authentication: method)))["client_id"] == "client")
    }

    @Test("RFC 8705 §2: the certificate goes with the request, and no other authentication does", arguments: methods)
    func alone(method: ClientAuthentication) throws {
        let request = try tokenRequest(by: Client(id: "client", authentication: method))
        #expect(request.clientKey == Self.key && request.headerFields[.authorization] == nil)
        let form = try form(request)
        #expect(form["client_secret"] == nil && form["client_assertion"] == nil)
    }

    @Test("RFC 8705 §2: a client that authenticates otherwise presents none")
    func otherMethods() throws {
        #expect(try tokenRequest(by: secretClient).clientKey == nil)
        #expect(try tokenRequest(by: publicClient).clientKey == nil)
    }

    @Test("RFC 8705 §2.1.1, §2.2.1: the methods have their registered names")
    func names() { #expect(Self.methods.map(\.method) == ["tls_client_auth", "self_signed_tls_client_auth"]) }

    private func server() throws -> AuthorizationServer {
        let document =
            #"{"issuer":"https://as.example","token_endpoint":"https://as.example/token","#
            + #""authorization_endpoint":"https://as.example/authorize","mtls_endpoint_aliases":"#
            + #"{"token_endpoint":"https://mtls.as.example/token","authorization_endpoint":"https://evil.example/"}}"#
        let verdict = Discovery.judge(answer(200, document), issuer: issuer, allowHTTP: false)
        guard case .found(let server) = verdict else { throw Unexpected(verdict) }
        return server
    }

    @Test("RFC 8705 §5: a client that presents a certificate uses the aliases, any other the usual endpoints")
    func aliases() throws {
        let server = try server()
        #expect(server.tokenEndpoint?.string == "https://as.example/token")
        #expect(server.forMutualTLS.tokenEndpoint?.string == "https://mtls.as.example/token")
    }

    @Test("RFC 8705 §5: an endpoint without an alias is the usual one, and a browser's never has one")
    func withoutAlias() throws {
        var server = try server()
        server.mtlsEndpointAliases["authorization_endpoint"] = try url("https://evil.example/")
        #expect(server.forMutualTLS.authorizationEndpoint?.string == "https://as.example/authorize")
        #expect(server.forMutualTLS.revocationEndpoint == nil)
    }
}
