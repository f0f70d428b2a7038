import HTTPTypes
public import OAuth
import ProviderProfiles
import Sealing

/// Proofs for requests that runtimes make with tokens bound to a key (RFC 9449 §7.1). The key never leaves.
public struct Proofs: Sendable {
    let credentials: CurrentCredential
    let store: any ConnectionStore
    let registrations: Registrations
    let sealing: GrantSealing
    let audit: any AuditSink
    let clock: any BrokerClock
    let random: any RandomSource

    public struct Proof: Sendable {
        public let proof: Secret
        public let accessToken: Secret
    }

    /// A proof for one request, with the access token that it is for.
    /// - Parameters:
    ///   - method: of the request, such as `GET`.
    ///   - url: of the request; query and fragment do not count (RFC 9449 §4.2).
    ///   - nonce: what the resource server gave last in `DPoP-Nonce`.
    public func proof(
        _ id: ConnectionID, method: String, url: String, nonce: String?, for caller: Caller
    ) async throws(BrokerError) -> Proof {
        guard let method = HTTPRequest.Method(method), method.rawValue.utf8.count <= 32 else {
            throw .invalid("method is an HTTP method such as GET.", field: "method")
        }
        let target: EndpointURL
        do {
            target = try EndpointURL(String(url.prefix { $0 != "#" }))
        } catch {
            throw .invalid("url is not one that can be asked: \(error)", field: "url")
        }
        if let nonce, !(1...512).contains(nonce.utf8.count) || !nonce.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            throw .invalid("nonce is what the DPoP-Nonce header held (RFC 9449 §8.1).", field: "nonce")
        }
        // Refreshes what must be refreshed, and refuses whom the credential itself would be refused.
        _ = try await credentials.current(id, for: caller, minTTL: nil)
        let stored: StoredConnection
        do {
            guard let found = try await store.connection(id) else { throw BrokerError.noSuchConnection }
            stored = found
        } catch let error as BrokerError {
            throw error
        } catch let failure as StoreFailure {
            throw .storeUnavailable(failure)
        } catch {
            throw .internalError()
        }
        guard stored.grant.proofKey != nil else {
            throw .invalid("This connection's tokens are not bound to a key: no proof is needed.")
        }
        // A proof is as good as the token where it is taken: it goes to the token's own hosts alone.
        let provider = try await registrations.provider(of: stored.connection)
        let hosts = provider.hosts(values: stored.connection.fields.merging(stored.grant.attributes) { _, own in own })
        guard hosts.isEmpty || hosts.contains(where: { target.isCovered(by: $0) }) else {
            throw .invalid(
                "url is not at one of this connection's hosts: \(hosts.joined(separator: ", ")).", field: "url")
        }
        do {
            try audit.record(
                AuditEvent(
                    at: clock.now, action: .credentialProve, caller: caller.id.string, connection: id.string,
                    version: stored.grant.version))
        } catch {
            throw .auditUnavailable
        }
        do {
            guard case .oauth2(let token, _)? = try sealing.material(of: stored),
                let key = try sealing.proofKey(id: id, grant: stored.grant)
            else { throw BrokerError.internalError() }
            let proof = DPoPProof.make(
                method: method, url: target, key: try SigningKey(serialized: key), nonce: nonce, accessToken: token,
                freshness: random.freshness(at: clock.wall))
            return Proof(proof: proof, accessToken: token)
        } catch {
            throw .internalError()
        }
    }

}
