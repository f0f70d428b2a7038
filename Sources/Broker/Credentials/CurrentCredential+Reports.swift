import Logging
import OAuth
import Sealing

// What runtimes report of credentials that a provider refused.
extension CurrentCredential {
    func names(_ fingerprint: String, _ stored: StoredConnection) throws(BrokerError) -> Bool {
        do {
            guard let material = try renderer.sealing.material(of: stored) else { return false }
            let digest = sha256(Array(material.principalSecret.reveal().utf8)).hexadecimal
            return constantTimeEqual(Array(digest.utf8), Array(fingerprint.lowercased().utf8))
        } catch {
            logger.error("A credential does not open", metadata: ["connection": "\(stored.id)", "why": "\(error)"])
            throw .internalError()
        }
    }

    /// A credential that the provider refuses and that cannot be refreshed is the owner's to renew.
    func markRejected(
        _ stored: StoredConnection, by caller: Caller
    ) async throws(BrokerError) -> CachedCredential {
        let now = clock.now
        let version = stored.grant.version
        do {
            // It takes the connection out of use, so the log says who said so.
            try audit.record(
                AuditEvent(
                    at: now, action: .credentialRefresh, caller: caller.id.string, connection: stored.id.string,
                    version: version, result: BrokerError.Code.reauthorizationRequired.rawValue,
                    reason: ReauthorizationReason.rejected.rawValue))
        } catch {
            logger.critical("The audit log cannot be written", metadata: ["why": "\(error)"])
            throw .auditUnavailable
        }
        let claim: ClaimResult
        do {
            let attempt = "report"
            claim = try await store.claim(
                stored.key, version: version, attempt: attempt, owner: attempt, until: now + .seconds(5), now: now)
            if case .claimed = claim {
                _ = try await store.abandon(
                    stored.key, version: version, attempt: attempt,
                    note: AbandonNote(reauthorization: .rejected, failure: nil, refreshAt: nil), at: now)
            }
        } catch {
            throw .storeUnavailable(error)
        }
        cache.remove(stored.id)
        switch claim {
        case .gone: throw .noSuchConnection
        // The owner consented meanwhile: the report is about what was before.
        case .lost(let current) where current.grant.version > version:
            return try stillValid(try await entry(for: current), at: now, else: Self.beingRefreshed)
        case .claimed, .lost: throw Self.reauthorization(of: stored.connection, ReauthorizationReason.rejected.rawValue)
        }
    }
}
