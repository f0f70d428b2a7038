import Logging
import OAuth
import ProviderProfiles
public import Sealing

/// The credential of the moment, by connection ID. Warm, it is one look into the cache; cold, one read of the store;
/// expired, one refresh that all who ask share.
public struct CurrentCredential: Sendable {
    let cache: CredentialCache
    let renderer: CredentialRenderer
    let store: any ConnectionStore & SecretStore
    let registrations: Registrations
    let refresher: Refresher
    let audit: any AuditSink
    let clock: any BrokerClock
    let policy: RefreshPolicy
    let logger: Logger

    // MARK: Warm

    /// The answer when it is at hand: no store, no `await`, no refresh to wait for. nil when there is more to do.
    public func warm(_ id: ConnectionID, for caller: Caller, minTTL: Duration?) -> CachedCredential? {
        let now = clock.now
        guard let entry = cache[id], caller.maySee(id, labels: entry.labels), entry.isGood(at: now, for: minTTL)
        else { return nil }
        if entry.takesRefreshRequest(at: now) {
            Task.detached { [refresher] in _ = await refresher.flight(for: id, .replacing(version: entry.version)) }
        }
        return entry
    }

    /// A read that was refused is a line too: who asked for what, in vain. No secret waits for it.
    public func recordingRefusal(
        of id: ConnectionID, to caller: Caller, _ purpose: String?,
        _ read: () async throws(BrokerError) -> CachedCredential
    ) async throws(BrokerError) -> CachedCredential {
        do throws(BrokerError) { return try await read() } catch {
            do {
                try audit.record(
                    AuditEvent(
                        at: clock.now, action: .credentialRead, caller: caller.id.string, connection: id.string,
                        purpose: purpose, result: error.code.rawValue, reason: error.reason))
            } catch let failure {
                logger.critical("The audit log cannot be written", metadata: ["why": "\(failure)"])
            }
            throw error
        }
    }

    /// Writes the audit line, then opens the box. In this order: no audit, no secret (security case I28).
    ///
    /// - Parameters:
    ///   - purpose: what the caller said that it is for.
    ///   - write: is given the number of bytes and must hand a buffer of at least that size to its argument,
    ///   which returns how many it filled.
    public func handOut(
        _ entry: CachedCredential, to caller: Caller, purpose: String? = nil,
        write: (_ count: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(SealingError) -> Int) throws(SealingError)
            -> Void
    ) throws(BrokerError) {
        let now = clock.now
        do {
            try audit.record(
                AuditEvent(
                    at: now, action: .credentialRead, caller: caller.id.string, connection: entry.connection.string,
                    version: entry.version, purpose: purpose))
        } catch {
            logger.critical("The audit log cannot be written", metadata: ["why": "\(error)"])
            throw .auditUnavailable
        }
        do {
            let tail = Self.tail(entry, at: now)
            try write(renderer.sealer.openedCount(of: entry.sealed) + tail.count) { buffer throws(SealingError) in
                let count = try renderer.sealer.open(
                    entry.sealed, additionalData: entry.connection.string, into: buffer)
                UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyBytes(from: tail)
                return count + tail.count
            }
        } catch {
            logger.critical("A cached credential does not open", metadata: ["connection": "\(entry.connection)"])
            throw .internalError()
        }
    }

    /// What closes the document: the seconds that are left, counted now.
    private static func tail(_ entry: CachedCredential, at now: Timestamp) -> [UInt8] {
        guard let expiresAt = entry.expiresAt else { return [UInt8(ascii: "}")] }
        let seconds = max(0, (expiresAt.milliseconds - now.milliseconds) / 1000)
        return Array(",\"expires_in\":\(seconds)}".utf8)
    }

    // MARK: Cold

    /// The answer when it takes a read of the store or a refresh.
    public func current(
        _ id: ConnectionID, for caller: Caller, minTTL: Duration?
    ) async throws(BrokerError) -> CachedCredential {
        let mark = cache.mark
        let stored = try await visible(id, for: caller)
        let entry = try await entry(for: stored)
        if let entry { cache.insert(entry, readAfter: mark) }
        let now = clock.now
        if let entry, entry.isGood(at: now, for: minTTL) {
            if entry.takesRefreshRequest(at: now) {
                _ = await refresher.flight(for: id, .replacing(version: entry.version))
            }
            return entry
        }
        if let failure = stored.grant.failure, failure.retryAt > now {
            // The provider was asked a moment ago; until the back-off is over what we hold is all there is.
            return try stillValid(entry, at: now, else: Self.unavailable(failure, at: now))
        }
        return try await refreshed(stored, .replacing(version: stored.grant.version), fallback: entry)
    }

    /// Renews the credential now, unless `rejected` names one that is no longer current (security case R16).
    /// - Parameter rejected: SHA-256, in hexadecimal, of the secret that the provider refused; nil forces.
    public func refresh(
        _ id: ConnectionID, for caller: Caller, rejected: String?
    ) async throws(BrokerError) -> CachedCredential {
        let stored = try await visible(id, for: caller)
        try Self.refuseUnusable(stored, at: clock.now)
        if let rejected, try !names(rejected, stored) { return try await current(id, for: caller, minTTL: nil) }
        guard stored.isRenewable else {
            guard rejected != nil, stored.connection.kind == .oauth2 else {
                throw BrokerError(
                    .notRefreshable,
                    stored.connection.kind == .oauth2
                        ? "This connection has no refresh token. Report the refused token with rejected_sha256, or let the owner consent again."
                        : "This credential is set by hand: set a new version of the secret.",
                    actor: .administrator)
            }
            return try await markRejected(stored, by: caller)
        }
        let version = stored.grant.version
        return try await refreshed(
            stored, caller.role == .admin ? .forced(version: version) : .replacing(version: version), fallback: nil)
    }

    private func visible(_ id: ConnectionID, for caller: Caller) async throws(BrokerError) -> StoredConnection {
        do {
            guard let stored = try await store.connection(id), caller.maySee(id, labels: stored.connection.labels)
            else { throw BrokerError.noSuchConnection }
            return await refresher.unwritten.newer(than: stored) ?? stored
        } catch let error as BrokerError {
            throw error
        } catch let failure as StoreFailure {
            throw .storeUnavailable(failure)
        } catch {
            throw .internalError()
        }
    }

    /// The connection's entry, valid or not; nil when it never had a credential. Throws when its owner or an
    /// administrator must act first.
    func entry(for stored: StoredConnection) async throws(BrokerError) -> CachedCredential? {
        try Self.refuseUnusable(stored, at: clock.now)
        do {
            let provider = try await registrations.provider(of: stored.connection)
            return try renderer.render(stored, provider: provider, beside: try await beside(stored))
        } catch let error as BrokerError {
            throw error
        } catch {
            logger.error(
                "A credential cannot be opened or rendered",
                metadata: ["connection": "\(stored.id)", "why": "\(error)"])
            throw .internalError(
                "The credential of this connection cannot be opened; others are not touched. An administrator must act."
            )
        }
    }

    /// The values of the secrets that go into requests beside OAuth's tokens; none where the profile asks for none.
    private func beside(_ stored: StoredConnection) async throws -> [String: String] {
        let asked = CredentialMaterial.names(beside: registrations.profile(of: stored.connection))
        guard !asked.isEmpty else { return [:] }
        let current: SecretVersion?
        do { current = try await store.secretVersions(of: stored.id).first } catch {
            throw BrokerError.storeUnavailable(error)
        }
        let values = try current.flatMap { try renderer.sealing.material(of: stored.id, $0) }?.templateValues ?? [:]
        if let missing = asked.first(where: { $0.required && values[$0.name]?.isEmpty ?? true }) {
            throw BrokerError(
                .reauthorizationRequired,
                "The secret \(missing.name) (\(missing.title)) of this connection is not set. Set it: credence secrets set \(stored.id)",
                actor: .administrator, reason: "secret_missing")
        }
        return values
    }

    private static func refuseUnusable(_ stored: StoredConnection, at now: Timestamp) throws(BrokerError) {
        if stored.connection.isDisabled {
            throw BrokerError(.connectionDisabled, "This connection is disabled.", actor: .administrator)
        }
        if let reason = stored.reauthorization(at: now) {
            throw reauthorization(of: stored.connection, reason.rawValue, code: stored.grant.failure?.reason)
        }
        if stored.grant.credential == nil, !stored.isReissuable {
            throw reauthorization(of: stored.connection, "pending")
        }
    }

    /// - Parameter code: the provider's own word for it, where it gave one.
    static func reauthorization(of connection: Connection, _ reason: String, code: String? = nil) -> BrokerError {
        let isPending = reason == "pending"
        let detail =
            switch (connection.kind, connection.grantType) {
            case (.oauth2, .tokenExchange):
                isPending
                    ? "This connection has no subject token yet: set it."
                    : "The provider takes this connection's subject token no longer: set a new one."
            case (.oauth2, _):
                isPending
                    ? "Nobody has connected this connection yet: its owner must consent."
                    : "The owner must connect this connection again."
            case (.apiKey, _), (.basic, _), (.secret, _), (.none, _):
                isPending
                    ? "This connection's secret is not set yet."
                    : "This connection's secret has expired: rotate it."
            }
        var error = BrokerError(.reauthorizationRequired, detail, actor: .owner, reason: reason)
        error.providerError = code
        return error
    }

    private func refreshed(
        _ stored: StoredConnection, _ occasion: RefreshOccasion, fallback: CachedCredential?
    ) async throws(BrokerError) -> CachedCredential {
        guard let flight = await refresher.flight(for: stored.id, occasion) else {
            return try stillValid(
                fallback, at: clock.now,
                else: BrokerError(
                    .shuttingDown, "The service is shutting down; ask again.", actor: .nobody, retryAfter: 2))
        }
        guard let outcome = await value(of: flight) else {
            return try stillValid(
                fallback, at: clock.now,
                else: BrokerError(
                    .providerUnavailable, "The provider is taking long; the refresh goes on.", actor: .nobody,
                    reason: "provider_slow", retryAfter: 5))
        }
        let now = clock.now
        switch outcome {
        case .unwritten(let fresh) where fresh.key != stored.key: throw Self.beingRefreshed
        case .unwritten(let fresh):
            // As people have it now: what waits to be written knows the connection of then.
            let current = StoredConnection(connection: stored.connection, grant: fresh.grant)
            return try stillValid(try await entry(for: current), at: now, else: Self.beingRefreshed)
        case .refreshed(let fresh), .superseded(let fresh), .underWayElsewhere(let fresh):
            return try stillValid(try await entry(for: fresh), at: now, else: Self.beingRefreshed)
        case .failed(let current, let verdict):
            if case .terminal(let reason, let code, _) = verdict {
                throw Self.reauthorization(of: current.connection, reason.rawValue, code: code)
            }
            // Without a note it was somebody else's attempt that stood in the end.
            let error = current.grant.failure.map { Self.unavailable($0, at: now) } ?? Self.beingRefreshed
            return try stillValid(try await entry(for: current), at: now, else: error)
        case .backingOff(let current, let failure):
            return try stillValid(try await entry(for: current), at: now, else: Self.unavailable(failure, at: now))
        case .reauthorizationRequired(let reason):
            throw Self.reauthorization(of: stored.connection, reason.rawValue)
        case .notRefreshable:
            // Without a refresh token a shorter life than asked for is the best there is.
            return try stillValid(fallback, at: now, else: Self.reauthorization(of: stored.connection, "expired"))
        case .disabled:
            throw BrokerError(.connectionDisabled, "This connection is disabled.", actor: .administrator)
        case .gone:
            // Deleted and made anew while an old refresh was under way: the new one is asked next time.
            if let now = try? await store.connection(stored.id), now.key == stored.key || now.grant.version == 0 {
                throw Self.beingRefreshed
            }
            throw .noSuchConnection
        case .storeFailed(let failure):
            return try stillValid(fallback, at: now, else: .storeUnavailable(failure))
        }
    }

    /// Waits for the flight as long as a caller may; the flight itself goes on whatever happens here.
    private func value(of flight: Task<RefreshOutcome, Never>) async -> RefreshOutcome? {
        await withTaskGroup(of: RefreshOutcome?.self) { group in
            let (stream, continuation) = AsyncStream<RefreshOutcome>.makeStream()
            Task.detached {
                continuation.yield(await flight.value)
                continuation.finish()
            }
            group.addTask { await stream.first { _ in true } }
            group.addTask { [clock, policy] in
                try? await clock.sleep(for: policy.callerPatience)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }

    func stillValid(
        _ entry: CachedCredential?, at now: Timestamp, else error: BrokerError
    ) throws(BrokerError) -> CachedCredential {
        guard let entry, !entry.isExpired(at: now) else { throw error }
        return entry
    }

    static let beingRefreshed = BrokerError(
        .providerUnavailable, "The credential is being refreshed.", actor: .nobody, retryAfter: 1)

    private static func unavailable(_ failure: RefreshFailure, at now: Timestamp) -> BrokerError {
        if failure.reason == RefreshHold.reason {
            return BrokerError(
                .providerUnavailable,
                "This store was restored or copied, and refreshes are held until an administrator says that it is the one in use: credence restore claim",
                actor: .administrator, reason: failure.reason, retryAfter: 30)
        }
        let isTransient =
            ["provider_unavailable", "store_unavailable"].contains(failure.reason)
            || OAuthError(code: failure.reason).remedy() == .retry
        return BrokerError(
            .providerUnavailable,
            isTransient
                ? "The provider does not answer as it should, and no valid credential is left."
                : "The provider refuses the refresh (\(failure.reason)), and no valid credential is left. The grant is kept.",
            actor: isTransient ? .nobody : .administrator, reason: failure.reason,
            retryAfter: Int(max(1, failure.retryAt.since(now).secondsRoundedUp)))
    }
}
