import Logging
public import OAuth
import ProviderProfiles
import Sealing

/// The owner's act in the browser, from the link to the stored grant.
public struct Consent: Sendable {
    let connections: any ConnectionStore
    let consents: any ConsentStore
    let registrations: Registrations
    let sealing: GrantSealing
    let calls: ProviderCalls
    let accounts: Accounts
    let lifetimes: Lifetimes
    let devices: Devices
    let audit: any AuditSink
    let clock: any BrokerClock
    let random: any RandomSource
    let publicURL: String
    /// Where browsers may be sent afterwards, to the letter (security case F15).
    let allowedReturns: Set<String>
    let callDeadline: Duration
    let logger: Logger
    let revoker: Revoker
    let unwritten: Unwritten
    let onChange: @Sendable (StoredConnection) -> Void

    static let ticketLifetime: Duration = .seconds(30 * 60)
    static let stateLifetime: Duration = .seconds(10 * 60)

    /// What the pages take for now.
    public var now: Timestamp { clock.now }

    // MARK: The link

    public struct Link: Sendable {
        public let url: String
        public let expiresAt: Timestamp
    }

    /// A link for the owner's browser, thirty minutes long.
    func link(
        to stored: StoredConnection, returnTo: String?, wishes: ConsentWishes, requestedBy caller: Caller
    ) async throws(BrokerError) -> Link {
        guard stored.connection.kind == .oauth2 else {
            throw .invalid("This connection holds a secret that is set by hand; nobody consents to it.")
        }
        guard [.authorizationCode, .deviceCode].contains(stored.connection.grantType) else {
            throw .invalid(
                "This connection gets its credential by \(stored.connection.grantType.rawValue): nobody consents to it."
            )
        }
        if let returnTo, !allowedReturns.contains(returnTo) {
            throw .invalid(
                "return_to is not one of the URLs that this service was configured to return to.", field: "return_to")
        }
        // Wrong fields are told now, to whoever can mend them, and not to the owner later.
        _ = try await registrations.provider(of: stored.connection)
        let ticket = random.bytes(32).base64URL
        let expiresAt = clock.now + Self.ticketLifetime
        do {
            try await consents.insert(
                ConsentTicket(
                    hash: sha256(Array(ticket.utf8)), connection: stored.id, returnTo: returnTo,
                    requestedBy: caller.id, wishes: wishes, expiresAt: expiresAt))
        } catch {
            throw .storeUnavailable(error)
        }
        return Link(url: "\(publicURL)/connect/\(ticket)", expiresAt: expiresAt)
    }

    // MARK: The page

    /// What the page says. Looking at it spends nothing: link scanners look too (security case F7).
    public func page(ticket: String, browser: String) async throws(ConsentFailure) -> ConsentPage {
        let (_, record, stored) = try await find(ticket)
        let registration = try await registration(of: stored)
        let isDevice = stored.connection.grantType == .deviceCode
        let device: DeviceConsent?
        do {
            device = isDevice ? try await devices.deviceConsent(of: stored) : nil
        } catch {
            throw Self.serviceUnavailable
        }
        // A device authorization that ended before this link was made is none of it.
        let isConnected =
            device.map {
                $0.outcome == DeviceConsent.connected && record.expiresAt.since($0.pollAt) <= Self.ticketLifetime
            } ?? false
        let verification = (device?.verificationURI).flatMap { try? EndpointURL($0) }
        return ConsentPage(
            connection: stored.id, owner: stored.connection.owner, requestedBy: record.requestedBy.string,
            providerTitle: registration.provider.title,
            providerHost: (verification ?? registration.server.authorizationEndpoint)?.host
                ?? registration.provider.title,
            scopes: registration.scopes(of: stored.connection), isReconnect: stored.grant.credential != nil,
            isDevice: isDevice, device: device, isConnected: isConnected, returnTo: record.returnTo,
            formToken: Self.formToken(ticket: ticket, browser: browser))
    }

    /// What the page's form carries, bound to the link and to the browser's cookie.
    static func formToken(ticket: String, browser: String) -> String {
        sha256(Array("credence consent form \(ticket) \(browser)".utf8)).base64URL
    }

    /// A name for a browser that has none yet: 256 random bits.
    public func newBrowser() -> String {
        random.bytes(32).base64URL
    }

    /// Where the browser goes next.
    public enum Step: Sendable {
        /// To the provider's authorization endpoint, at this URL; it sends the browser back by a form that it posts, or not
        /// (OAuth 2.0 Form Post Response Mode).
        case provider(String, returnsByPost: Bool)
        /// Back to the page, which now shows a code to enter.
        case code
    }

    /// Begins: remembers `state`, verifier and browser, and returns where to send the browser.
    /// - Parameter formToken: nil only for a client that is not a browser (the page's route decides).
    public func start(ticket: String, browser: String, formToken: String?) async throws(ConsentFailure) -> Step {
        let (hash, record, stored) = try await find(ticket)
        if let formToken {
            let expected = Self.formToken(ticket: ticket, browser: browser)
            guard constantTimeEqual(Array(formToken.utf8), Array(expected.utf8)) else {
                throw ConsentFailure(.forgedForm, "Open the link again and continue from the page it shows.")
            }
        }
        if stored.connection.grantType == .deviceCode {
            try await beginDevice(stored)
            return .code
        }
        let registration = try await registration(of: stored)
        let asked = registration.scopes(of: stored.connection)
        let endpoint = try authorizationEndpoint(of: registration, asked: asked)

        // RFC 6749 §10.12 and RFC 7636 §4.1: both of 256 random bits, both for this request alone.
        let state = random.bytes(32).base64URL
        let stateHash = sha256(Array(state.utf8))
        let verifier = registration.provider.dialect.pkce ? PKCE.verifier(random.bytes(32)) : nil
        let proofKey = registration.isDPoPBound ? SigningKey.generateES256() : nil
        let request = authorizationRequest(
            registration, stored, record.wishes, scopes: asked, state: state, verifier: verifier,
            proofKey: proofKey)
        let location = try await location(of: request, at: endpoint, registration, proofKey, stored.id)
        do {
            try await consents.insert(
                PendingAuthorization(
                    stateHash: stateHash, connection: stored.id, client: registration.id,
                    browserHash: sha256(Array(browser.utf8)),
                    verifier: try verifier.map { try sealing.seal(verifier: $0, stateHash: stateHash) },
                    proofKey: try proofKey.map { try sealing.seal(proofKey: $0.serialized, stateHash: stateHash) },
                    scopes: asked, returnTo: record.returnTo, ticketHash: hash,
                    expiresAt: clock.now + Self.stateLifetime))
            // A profile that switches PKCE off weakens the flow: the log says so (security case F8).
            try audit.record(
                AuditEvent(
                    at: clock.now, action: .consentStart, caller: "owner", connection: stored.id.string,
                    reason: verifier == nil ? "no_pkce" : nil))
        } catch {
            logger.error("A consent cannot begin", metadata: ["connection": "\(stored.id)", "why": "\(error)"])
            throw Self.serviceUnavailable
        }
        let mode = request.parameters(dialect: registration.provider.dialect)["response_mode"]
        return .provider(location, returnsByPost: mode == "form_post")
    }

    // MARK: The return

    /// What an administrator of the provider's side brought back from the page where one consents for everybody; nil for
    /// any other answer. Nothing is changed: connections find out by themselves.
    public func adminConsent(
        client: ClientID, parameters: Parameters
    ) async -> (isGiven: Bool, providerTitle: String)? {
        guard parameters["state"] == nil, let profile = await registrations.profile(of: client),
            let isGiven = profile.adminConsent(in: parameters)
        else { return nil }
        return (isGiven, profile.title)
    }

    /// Judges what the browser brought back to `/callback/{client}` and, if it is a code, spends it once.
    public func finish(client: ClientID, parameters: Parameters, browser: String?) async -> ConsentOutcome {
        let pending: PendingAuthorization
        do {
            pending = try await take(client: client, parameters: parameters, browser: browser)
        } catch {
            record(error, connection: nil)
            return .failed(error, returnTo: nil)
        }
        do {
            let outcome = try await exchangeCode(pending, parameters)
            do {
                try await consents.deleteTicket(pending.ticketHash)
            } catch {
                // The grant is stored, which is what counts; the ticket expires by itself.
                logger.warning("A used consent link could not be removed", metadata: ["why": "\(error)"])
            }
            return outcome
        } catch {
            record(error, connection: pending.connection)
            return .failed(error, returnTo: pending.returnTo)
        }
    }

    /// The pending authorization leaves the store before anything else happens: of two that come with the same
    /// `state`, one goes on (security case F2). Then the browser must be the one that began (F4).
    private func take(
        client: ClientID, parameters: Parameters, browser: String?
    ) async throws(ConsentFailure) -> PendingAuthorization {
        let states = parameters.values(of: "state")
        // RFC 6749 §3.1: no parameter twice.
        guard states.count == 1, let state = states.first, !state.isEmpty, state.utf8.count <= 512 else {
            throw ConsentFailure(
                .unknownState, "This answer does not belong to a consent that began here. Open the link again.")
        }
        let found: PendingAuthorization?
        do {
            found = try await consents.takePending(sha256(Array(state.utf8)))
        } catch {
            logger.error("The store cannot be read for a consent", metadata: ["why": "\(error)"])
            throw Self.serviceUnavailable
        }
        // A distinct redirect URI per client is the defence against mix-up where `iss` is absent (RFC 9700 §4.4.2).
        guard let pending = found, pending.client == client else {
            throw ConsentFailure(
                .unknownState, "This consent was finished before, or it never began here. Open the link again.")
        }
        guard clock.now < pending.expiresAt else {
            throw ConsentFailure(.expiredState, "This consent took longer than ten minutes. Open the link again.")
        }
        guard let browser, constantTimeEqual(sha256(Array(browser.utf8)), pending.browserHash) else {
            throw ConsentFailure(
                .wrongBrowser,
                "This consent began in another browser. Open the link again in the browser you want to finish in.")
        }
        return pending
    }

    // MARK: Steps

    private func find(_ ticket: String) async throws(ConsentFailure) -> ([UInt8], ConsentTicket, StoredConnection) {
        guard (20...128).contains(ticket.utf8.count) else { throw Self.noSuchTicket }
        let hash = sha256(Array(ticket.utf8))
        let found: ConsentTicket?
        do {
            found = try await consents.ticket(hash)
        } catch {
            logger.error("The store cannot be read for a consent", metadata: ["why": "\(error)"])
            throw Self.serviceUnavailable
        }
        guard let record = found else { throw Self.noSuchTicket }
        guard clock.now < record.expiresAt else {
            throw ConsentFailure(.expiredTicket, "This link is older than thirty minutes. Ask for a new one.")
        }
        return (hash, record, try await connection(record.connection))
    }

    func connection(_ id: ConnectionID) async throws(ConsentFailure) -> StoredConnection {
        do {
            guard let stored = try await connections.connection(id) else {
                throw ConsentFailure(.connectionGone, "This connection was deleted.")
            }
            if stored.connection.isDisabled {
                throw ConsentFailure(.misconfigured, "This connection is disabled. An administrator can enable it.")
            }
            return stored
        } catch let failure as ConsentFailure {
            throw failure
        } catch {
            logger.error("The store cannot be read for a consent", metadata: ["why": "\(error)"])
            throw Self.serviceUnavailable
        }
    }

    func registration(of stored: StoredConnection) async throws(ConsentFailure) -> Registration {
        do {
            return try await registrations.registration(of: stored.connection)
        } catch {
            logger.error("A registration is not usable", metadata: ["connection": "\(stored.id)", "why": "\(error)"])
            switch error.actor {
            case .nobody: throw Self.noAnswer
            default: throw ConsentFailure(.misconfigured, "\(error.detail)")
            }
        }
    }

    func record(_ failure: ConsentFailure, connection: ConnectionID?) {
        do {
            try audit.record(
                AuditEvent(
                    at: clock.now, action: .consentFinish, caller: "owner", connection: connection?.string,
                    result: failure.code.rawValue, reason: failure.providerError))
        } catch {
            logger.critical("The audit log cannot be written", metadata: ["why": "\(error)"])
        }
    }

    private static let noSuchTicket = ConsentFailure(
        .unknownTicket, "There is no such link, or it was used. Ask for a new one.")
    static let noAnswer = ConsentFailure(
        .providerUnavailable,
        "The provider did not answer as it should. Nothing was changed; open the link again in a little while.")
    static let serviceUnavailable = ConsentFailure(
        .unavailable, "The service cannot store anything right now. Nothing was changed; an administrator must act.")
}
