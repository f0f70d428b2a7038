import Logging
import OAuth
import ProviderProfiles
import Sealing

/// Device authorizations (RFC 8628): the owner enters a code at the provider, on whatever device, and we ask the token
/// endpoint until it answers.
public struct Devices: Sendable {
    let connections: any ConnectionStore
    let store: any DeviceConsentStore
    let registrations: Registrations
    let calls: ProviderCalls
    let accounts: Accounts
    let lifetimes: Lifetimes
    let revoker: Revoker
    let unwritten: Unwritten
    let sealing: GrantSealing
    let audit: any AuditSink
    let clock: any BrokerClock
    let random: any RandomSource
    let policy: RefreshPolicy
    let allowHTTP: Bool
    let logger: Logger
    let onChange: @Sendable (StoredConnection) -> Void

    private let places = Places(64)

    static let tick: Duration = .milliseconds(250)

    // MARK: Beginning

    public func begin(_ id: ConnectionID, by caller: Caller) async throws(BrokerError) -> DeviceConsent {
        let found: StoredConnection?
        do { found = try await connections.connection(id) } catch { throw .storeUnavailable(error) }
        guard let stored = found, caller.maySee(id, labels: stored.connection.labels) else { throw .noSuchConnection }
        guard stored.connection.kind == .oauth2,
            [.authorizationCode, .deviceCode].contains(stored.connection.grantType)
        else { throw .invalid("Nobody consents to this connection.") }
        if stored.connection.isDisabled {
            throw BrokerError(.connectionDisabled, "This connection is disabled.", actor: .administrator)
        }
        do {
            try audit.record(
                AuditEvent(at: clock.now, action: .consentRequest, caller: caller.id.string, connection: id.string))
        } catch {
            throw .auditUnavailable
        }
        return try await begin(stored)
    }

    func begin(_ stored: StoredConnection) async throws(BrokerError) -> DeviceConsent {
        let registration = try await registrations.registration(of: stored.connection)
        guard let endpoint = registration.server.deviceAuthorizationEndpoint else {
            throw .invalid("The provider has no device authorization endpoint (RFC 8628).")
        }
        let scopes = registration.scopes(of: stored.connection)
        let proofKey = registration.isDPoPBound ? SigningKey.generateES256() : nil
        let answer: ProviderCalls.Answer
        do {
            answer = try await calls.send(registration, proofKey: nil, within: .seconds(10)) { client, freshness in
                DeviceAuthorization.request(
                    at: endpoint, client: client, scope: scopes, resource: stored.connection.resources,
                    dialect: registration.provider.dialect, freshness: freshness)
            }
        } catch {
            logger.notice(
                "A device authorization got no answer", metadata: ["connection": "\(stored.id)", "why": "\(error)"])
            throw Self.noAnswer("it did not answer")
        }
        switch DeviceAuthorization.judge(answer.response, allowHTTP: allowHTTP)
        {
        case .issued(let issued):
            return try await keep(issued, for: stored, scopes: scopes, proofKey: proofKey, sentAt: answer.sentAt)
        case .refused(let error):
            logger.notice(
                "A provider refused a device authorization",
                metadata: ["connection": "\(stored.id)", "why": "\(error.codes)"])
            throw BrokerError(
                .providerUnavailable, "The provider refuses a device authorization: \(error.code).",
                actor: error.remedy(registration.provider.remedies) == .retry ? .nobody : .administrator,
                reason: error.code, retryAfter: 10)
        case .malformed(let reason):
            throw BrokerError(
                .providerUnavailable, "The provider's device authorization cannot be read: \(reason).",
                actor: .administrator, reason: "malformed_answer", retryAfter: 60)
        case .unavailable(let status, _): throw Self.noAnswer("status \(status)")
        }
    }

    private func keep(
        _ issued: DeviceAuthorization, for stored: StoredConnection, scopes: [String], proofKey: SigningKey?,
        sentAt: Timestamp
    ) async throws(BrokerError) -> DeviceConsent {
        let id = random.bytes(16).hexadecimal
        do {
            let box = try sealing.seal(
                DeviceSecrets(deviceCode: issued.deviceCode, proofKey: proofKey).serialized(), as: .deviceConsent,
                record: id)
            let device = DeviceConsent(
                connection: stored.id, id: id, box: box, userCode: issued.userCode,
                verificationURI: issued.verificationURI, verificationURIComplete: issued.verificationURIComplete,
                scopes: scopes, interval: issued.interval, pollAt: clock.now + .seconds(issued.interval),
                expiresAt: sentAt + .seconds(issued.expiresIn))
            try await store.insert(device)
            return device
        } catch let failure as StoreFailure {
            throw .storeUnavailable(failure)
        } catch {
            throw .internalError()
        }
    }

    private static func noAnswer(_ why: String) -> BrokerError {
        BrokerError(
            .providerUnavailable, "The provider's device authorization endpoint gives no usable answer: \(why).",
            actor: .nobody, reason: "provider_unavailable", retryAfter: 10)
    }

    // MARK: Looking

    /// The device authorization of the connection, under way or ended; nil when there is none.
    public func deviceConsent(of stored: StoredConnection) async throws(BrokerError) -> DeviceConsent? {
        do { return try await store.deviceConsent(of: stored.id) } catch { throw .storeUnavailable(error) }
    }

    // MARK: Polling

    /// Polls what is due, until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                _ = try await round()
            } catch {
                logger.error("The store cannot be read for device authorizations", metadata: ["why": "\(error)"])
            }
            do { try await clock.sleep(for: Self.tick) } catch { break }
        }
        // A poll may have brought the tokens, so a stop waits for it.
        await places.drain()
    }

    /// Begins the polls that are due, as far as there are free places, and waits for none of them.
    func round() async throws(StoreFailure) -> [Task<Void, Never>] {
        let free = await places.free
        guard free > 0 else { return [] }
        var begun: [Task<Void, Never>] = []
        for device in try await store.devicesDue(at: clock.now, limit: free) {
            let poll = await places.begin(device.connection.string) { await self.poll(device) }
            if let poll { begun.append(poll) }
        }
        return begun
    }

    /// One poll. Of two processes that find it due, one goes on: the time of the next poll is moved first.
    private func poll(_ device: DeviceConsent) async {
        do {
            guard clock.now < device.expiresAt else {
                return try await end(device, from: device.pollAt, "expired_token")
            }
            var taken = device
            taken.pollAt = clock.now + policy.callDeadline + .seconds(device.interval)
            guard try await store.update(taken, from: device.pollAt) else { return }
            guard let stored = try await connections.connection(device.connection), let box = device.box else {
                return try await store.deleteDeviceConsent(of: device.connection, id: device.id)
            }
            let secrets = try DeviceSecrets(
                serialized: sealing.payload(box, of: .deviceConsent, record: device.id))
            let registration = try await registrations.registration(of: stored.connection)
            guard let endpoint = registration.server.tokenEndpoint else {
                return try await end(taken, from: taken.pollAt, "no_endpoint")
            }
            var polling = DevicePolling(interval: device.interval, expiresAt: device.expiresAt.seconds)
            let step: DevicePolling.Step
            var sentAt = clock.now
            do {
                let answer = try await calls.send(
                    registration, proofKey: secrets.proofKey, within: policy.callDeadline
                ) { client, freshness in
                    TokenRequest.make(
                        DeviceCodeGrant.parameters(deviceCode: secrets.deviceCode), at: endpoint, client: client,
                        dialect: registration.provider.dialect, purpose: .grant, freshness: freshness)
                }
                sentAt = answer.sentAt
                step = polling.answered(
                    answer.response, dialect: registration.provider.dialect,
                    accepting: secrets.proofKey == nil ? .bearer : .dpop, now: clock.now.seconds)
            } catch let failure as ExchangeFailure {
                logger.notice(
                    "A poll got no answer", metadata: ["connection": "\(device.connection)", "why": "\(failure)"])
                step = polling.failed(now: clock.now.seconds)
            }
            switch step {
            case .granted(let response):
                try await finish(taken, stored, registration, response, sentAt, secrets)
            case .wait(let seconds):
                var next = taken
                next.interval = polling.interval
                next.pollAt = clock.now + .seconds(seconds)
                _ = try await store.update(next, from: taken.pollAt)
            case .ended(let code):
                let hidden = OAuthError(code: code).hiding(registration.secrets + [secrets.deviceCode])
                try await end(taken, from: taken.pollAt, hidden.code)
            }
        } catch {
            logger.error(
                "A device authorization could not be polled",
                metadata: ["connection": "\(device.connection)", "why": "\(error)"])
        }
    }

    private func finish(
        _ device: DeviceConsent, _ stored: StoredConnection, _ registration: Registration, _ response: TokenResponse,
        _ sentAt: Timestamp, _ secrets: DeviceSecrets
    ) async throws {
        let verdict = await accounts.account(
            of: response, registration, scopes: device.scopes, nonce: nil, code: nil, proofKey: secrets.proofKey)
        let account: Account?
        switch verdict {
        case .account(let found): account = found
        case .refused(let reason), .unavailable(let reason):
            logger.notice("An identity was refused", metadata: ["connection": "\(stored.id)", "why": "\(reason)"])
            return try await end(device, from: device.pollAt, "identity_refused")
        }
        guard
            case .found(let attributes) = await accounts.followUp(response, registration, proofKey: secrets.proofKey)
        else { return try await end(device, from: device.pollAt, "provider_unavailable") }
        let update = GrantUpdate(
            sealing: sealing, provider: registration.provider, sentAt: sentAt, requestedScopes: device.scopes,
            proofKey: secrets.proofKey, fraction: random.fraction(), attributes: attributes)
        var old = stored
        for _ in 0..<5 {
            // Nobody is there to ask whether another account shall take the place of this one (security case F19).
            if let key = old.grant.accountKey, !Account.isSame(key, as: account) {
                // Not where it may be the same account: its own tokens could end with these (RFC 7009 §2.1).
                if account != nil { await revoker.owe(response, of: old) }
                return try await end(device, from: device.pollAt, "other_account")
            }
            let grant = try update.grant(after: old, from: response, .consent(account))
            switch try await unwritten.insist(on: grant, over: old) {
            case .waits(let held):
                record(held, result: "ok")
                _ = try await store.update(device.ended(DeviceConsent.connected, at: clock.now), from: device.pollAt)
                return
            case .decided(.committed(let committed)):
                record(committed, result: "ok")
                onChange(committed)
                _ = try await store.update(device.ended(DeviceConsent.connected, at: clock.now), from: device.pollAt)
                _ = await lifetimes.complete(committed, registration)
                return
            case .decided(.superseded(let current)): old = current
            case .decided(.gone): return await revoker.owe(response, of: stored)
            }
        }
    }

    private func end(_ device: DeviceConsent, from pollAt: Timestamp, _ failure: String) async throws {
        guard try await store.update(device.ended(failure, at: clock.now), from: pollAt) else { return }
        if let stored = try await connections.connection(device.connection) { record(stored, result: failure) }
    }

    private func record(_ stored: StoredConnection, result: String) {
        do {
            try audit.record(
                AuditEvent(
                    at: clock.now, action: .consentFinish, caller: "owner", connection: stored.id.string,
                    version: stored.grant.version, result: result))
        } catch {
            logger.critical("The audit log cannot be written", metadata: ["why": "\(error)"])
        }
    }
}

/// What a device authorization keeps sealed.
private struct DeviceSecrets {
    let deviceCode: Secret
    let proofKey: SigningKey?

    init(deviceCode: Secret, proofKey: SigningKey?) {
        self.deviceCode = deviceCode
        self.proofKey = proofKey
    }

    func serialized() -> [UInt8] {
        var members = JSONObject([("device_code", .string(deviceCode.reveal()))])
        members["proof_key"] = proofKey.map { .string($0.serialized.hexadecimal) }
        return Array(JSONValue.object(members).serialized().utf8)
    }

    init(serialized bytes: [UInt8]) throws {
        guard case .object(let members) = try JSONReader.read(bytes), case .string(let code)? = members["device_code"]
        else { throw SealingError.damaged("a device code") }
        deviceCode = Secret(code)
        if case .string(let key)? = members["proof_key"], let bytes = [UInt8](hexadecimal: key) {
            proofKey = try SigningKey(serialized: bytes)
        } else {
            proofKey = nil
        }
    }
}
