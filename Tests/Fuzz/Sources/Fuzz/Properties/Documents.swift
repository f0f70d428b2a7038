import Foundation
import HTTPTypes
import OAuth

/// Documents that a server publishes: its metadata, its keys, a resource's metadata. And the URLs in them, which may be
/// an input by themselves.
extension Findings {
    private static let issuer = "https://as.example"
    private static let resource = "https://api.example/v1"

    mutating func checkDiscovery(_ input: [UInt8]) {
        checkURL(String(decoding: input, as: UTF8.self))
        let response = Message(input).response
        checkJSON(response.body)
        for allowHTTP in [false, true] {
            checkMetadata(response, allowHTTP)
            checkResource(response, allowHTTP)
        }
        checkKeys(response)
    }

    // MARK: Authorization server metadata

    private mutating func checkMetadata(_ response: EndpointResponse, _ allowHTTP: Bool) {
        let verdict = judgedTwice("metadata") {
            Discovery.judge(response, issuer: Self.issuer, allowHTTP: allowHTTP)
        }
        guard case .found(let server) = verdict else { return expectHidden(verdict, "metadata") }
        expect(response.status == 200, "metadata with status \(response.status)")
        expect(server.issuer.map { isSame($0, Self.issuer) } == true, "metadata of another issuer")
        expect(
            server.tokenEndpointAuthSigningAlgValuesSupported?.contains("none") != true, "assertions without signature")
        let named = [
            server.authorizationEndpoint, server.tokenEndpoint, server.revocationEndpoint, server.introspectionEndpoint,
            server.deviceAuthorizationEndpoint, server.pushedAuthorizationRequestEndpoint, server.userinfoEndpoint,
            server.registrationEndpoint, server.jwksURI,
        ]
        let endpoints = named.compactMap { $0 } + server.mtlsEndpointAliases.values
        for url in endpoints {
            expect(url.isSafe(allowHTTP: allowHTTP), "an endpoint that may not be called")
            checkURL(url.string)
        }
        let lists = [
            server.scopesSupported, server.grantTypesSupported, server.codeChallengeMethodsSupported,
            server.tokenEndpointAuthMethodsSupported, server.tokenEndpointAuthSigningAlgValuesSupported,
            server.idTokenSigningAlgValuesSupported, server.dpopSigningAlgValuesSupported,
        ]
        expectHidden(verdict, "metadata", but: lists.compactMap { $0 }.joined() + endpoints.map(\.description))
        // RFC 8705 §5: aliases take the place of endpoints, and of these alone; done twice it is done.
        let mutual = server.forMutualTLS
        expect(mutual.forMutualTLS == mutual, "aliases of aliases")
        expect(mutual.authorizationEndpoint == server.authorizationEndpoint, "an alias for a browser")
        expect(
            AuthorizationServer().completed(by: server).withoutAliases == server.withoutAliases,
            "nothing configured changes what was found")
        var own = AuthorizationServer()
        own.tokenEndpoint = try? EndpointURL("https://own.example/token")
        let completed = own.completed(by: server)
        expect(
            completed.tokenEndpoint == own.tokenEndpoint && completed.forMutualTLS.tokenEndpoint == own.tokenEndpoint,
            "what is configured gives way")
    }

    // MARK: Keys

    private mutating func checkKeys(_ response: EndpointResponse) {
        guard case .keys(let set) = judgedTwice("keys", { JSONWebKeySet.judge(response) }) else { return }
        expect(response.status == 200, "keys with status \(response.status)")
        for key in set.keys {
            expect(
                ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].allSatisfy { key.json[$0] == nil }, "a private member")
            let again = JSONWebKey(key.json)
            expect(again == key && again?.thumbprint == key.thumbprint, "a key is another when it is read again")
            expect(key.thumbprint.utf8.count == 43, "a thumbprint")
            let shown = [key.keyID, key.use, key.algorithm].compactMap { $0 } + (key.operations ?? [])
            expectHidden(key, "a key", but: shown)
        }
        for algorithm in SignatureAlgorithm.allCases {
            for keyID in [nil, set.keys.first?.keyID] {
                let candidates = set.candidates(keyID: keyID, algorithm: algorithm)
                expect(candidates.count <= 8, "too many keys to try")
                expect(candidates.isEmpty || !algorithm.isSymmetric, "a public key for HMAC")
                expect(
                    candidates.allSatisfy { key in
                        key.use != "enc" && (keyID == nil || key.keyID.map { isSame($0, keyID!) } == true)
                    }, "a key that was not asked for")
            }
        }
    }

    // MARK: A resource's metadata

    private mutating func checkResource(_ response: EndpointResponse, _ allowHTTP: Bool) {
        guard let resource = try? EndpointURL(Self.resource) else { return }
        let verdict = judgedTwice("a resource") {
            ProtectedResource.judge(response, resource: resource, allowHTTP: allowHTTP)
        }
        guard case .found(let found) = verdict else { return expectHidden(verdict, "a resource") }
        expect(response.status == 200, "a resource with status \(response.status)")
        expect(isSame(found.resource, Self.resource), "another resource")
        for issuer in found.authorizationServers {
            let url = try? EndpointURL(issuer)
            expect(url?.isSafe(allowHTTP: allowHTTP) == true && url?.query == nil, "an issuer that cannot be asked")
            expect((try? Discovery.requests(issuer: issuer, allowHTTP: allowHTTP))?.count == 2, "an issuer's documents")
        }
        let lists = [found.scopesSupported, found.bearerMethodsSupported].compactMap { $0 }.joined()
        expectHidden(verdict, "a resource", but: lists + found.authorizationServers)
    }

    // MARK: URLs

    /// What two parsers read differently is how requests end up elsewhere: so there is a second one.
    private mutating func checkURL(_ text: String) {
        let url: EndpointURL
        do {
            url = try EndpointURL(text)
        } catch {
            return expectHidden(error, "a refused URL")
        }
        expectHidden(url, "a URL", but: [url.description])
        expect(url.path.hasPrefix("/") && !url.host.isEmpty && url.host == url.host.lowercased(), "a URL's parts")
        expect(url.port, in: 1...65_535, "a URL's port")
        expect(url.scheme == "https" || url.scheme == "http", "a URL's scheme")
        expect(!url.description.contains("?") && !url.host.contains("@"), "a URL's description tells its query")
        let plain = try? EndpointURL(url.description)
        expect(
            plain?.host == url.host && plain?.port == url.port && plain?.path == url.path && plain?.query == nil
                && plain?.scheme == url.scheme, "a URL's description is another URL")
        let longer = url.appending(Parameters([("a b", "c&d=e#\(Self.canary)")]))
        if longer.utf8.count <= 8192 {
            let read = try? EndpointURL(longer)
            expect(
                read?.host == url.host && read?.path == url.path && read?.port == url.port
                    && read?.query?.hasPrefix(url.query ?? "") == true, "a URL with more in its query is another URL")
        }
        if let other = URLComponents(string: text) {
            expect(other.scheme?.lowercased() == url.scheme, "a URL of two schemes")
            let host = other.percentEncodedHost.map { $0.lowercased().filter { $0 != "[" && $0 != "]" } }
            expect(host == url.host && other.port == url.port, "a URL of two hosts")
            expect(other.user == nil && other.password == nil && other.fragment == nil, "a URL with hidden parts")
            // The other parser mends what is not encoded as it must be; the transport refuses that.
            guard other.string == text else { return }
            expect(
                (other.percentEncodedPath.isEmpty ? "/" : other.percentEncodedPath) == url.path
                    && other.percentEncodedQuery == url.query, "a URL of two paths")
        }
    }
}

extension AuthorizationServer {
    fileprivate var withoutAliases: AuthorizationServer {
        var server = self
        server.mtlsEndpointAliases = [:]
        return server
    }
}
