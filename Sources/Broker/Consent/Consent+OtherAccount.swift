import Logging
import OAuth
import ProviderProfiles
import Sealing

/// A reconnection as another account waits for the owner's word (security case F19).
extension Consent {
    static let holdLifetime: Duration = .seconds(10 * 60)

    /// Keeps what came, sealed; returns the word that names it.
    func hold(
        _ received: Received, for stored: StoredConnection, _ pending: PendingAuthorization
    ) async throws(ConsentFailure) -> String {
        let word = random.bytes(32).base64URL
        let hash = sha256(Array(word.utf8))
        do {
            let box = try sealing.seal(received.serialized(), as: .heldGrant, record: hash.hexadecimal)
            try await consents.insert(
                HeldGrant(
                    hash: hash, connection: stored.id, browserHash: pending.browserHash, box: box,
                    returnTo: pending.returnTo, expiresAt: clock.now + Self.holdLifetime))
        } catch {
            logger.error("A grant cannot be held", metadata: ["connection": "\(stored.id)", "why": "\(error)"])
            throw Self.serviceUnavailable
        }
        return word
    }

    /// The owner has decided.
    /// - Parameter replaces: whether the other account takes the place of the old one.
    public func decide(word: String, replaces: Bool, browser: String?) async -> ConsentOutcome {
        let held: HeldGrant
        do {
            held = try await take(word, browser: browser)
        } catch {
            record(error, connection: nil)
            return .failed(error, returnTo: nil)
        }
        do {
            return try await decide(held, replaces: replaces)
        } catch {
            record(error, connection: held.connection)
            return .failed(error, returnTo: held.returnTo)
        }
    }

    private func decide(_ held: HeldGrant, replaces: Bool) async throws(ConsentFailure) -> ConsentOutcome {
        let stored = try await connection(held.connection)
        let registration = try await registration(of: stored)
        let received = try open(held)
        guard replaces else {
            // Nobody will use these tokens: they are given back.
            await revoker.owe(received.response, of: stored)
            throw ConsentFailure(.refused, "The connection keeps the account it had.", providerError: "account_kept")
        }
        try await commit(received, to: stored, registration)
        return .connected(stored.id, providerTitle: registration.provider.title, returnTo: held.returnTo)
    }

    private func open(_ held: HeldGrant) throws(ConsentFailure) -> Received {
        do {
            return try Received(
                serialized: sealing.payload(held.box, of: .heldGrant, record: held.hash.hexadecimal))
        } catch {
            logger.error(
                "A held grant does not open", metadata: ["connection": "\(held.connection)", "why": "\(error)"])
            throw Self.serviceUnavailable
        }
    }

    private func take(_ word: String, browser: String?) async throws(ConsentFailure) -> HeldGrant {
        let found: HeldGrant?
        do {
            found = (20...128).contains(word.utf8.count) ? try await consents.takeHeld(sha256(Array(word.utf8))) : nil
        } catch {
            logger.error("The store cannot be read for a consent", metadata: ["why": "\(error)"])
            throw Self.serviceUnavailable
        }
        let isInTime = found.map { clock.now < $0.expiresAt } ?? false
        let isSameBrowser =
            if let found, let browser { constantTimeEqual(sha256(Array(browser.utf8)), found.browserHash) } else {
                false
            }
        if let found, !isInTime || !isSameBrowser {
            await revoker.owe(try open(found).response, of: try await connection(found.connection))
        }
        guard let held = found, isInTime else {
            throw ConsentFailure(
                .expiredState, "This question was answered before, or ten minutes are over. Open the link again.")
        }
        guard isSameBrowser else {
            throw ConsentFailure(
                .wrongBrowser,
                "This consent began in another browser. Open the link again in the browser you want to finish in.")
        }
        return held
    }
}

extension Consent.Received {
    fileprivate func serialized() -> [UInt8] {
        var members = JSONObject([
            ("access_token", .string(response.accessToken.reveal())), ("token_type", .string(response.tokenType)),
            ("sent_at", .string(String(sentAt.milliseconds))), ("asked", .array(scopes.map { .string($0) })),
            ("additional", .object(response.additional)),
        ])
        members["refresh_token"] = response.refreshToken.map { .string($0.reveal()) }
        members["expires_in"] = response.expiresIn.map { .number(JSONNumber($0)) }
        members["refresh_token_expires_in"] = response.refreshTokenExpiresIn.map { .number(JSONNumber($0)) }
        members["scope"] = response.scope.map { .array($0.map { .string($0) }) }
        members["account_key"] = account.map { .string($0.key) }
        members["account_name"] = account.map { .string($0.name) }
        members["attributes"] = .object(
            JSONObject(attributes.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
        members["proof_key"] = proofKey.map { .string($0.serialized.hexadecimal) }
        return Array(JSONValue.object(members).serialized().utf8)
    }

    fileprivate init(serialized bytes: [UInt8]) throws {
        guard case .object(let members) = try JSONReader.read(bytes) else { throw SealingError.damaged("a held grant") }
        func text(_ name: String) -> String? {
            if case .string(let text)? = members[name] { text } else { nil }
        }
        func number(_ name: String) -> Int? {
            if case .number(let number)? = members[name] { number.int } else { nil }
        }
        func texts(_ name: String) -> [String]? {
            guard case .array(let elements)? = members[name] else { return nil }
            return elements.compactMap { if case .string(let text) = $0 { text } else { nil } }
        }
        guard let token = text("access_token"), let type = text("token_type"),
            let sentAt = text("sent_at").flatMap({ Int64($0) }), case .object(let additional)? = members["additional"]
        else { throw SealingError.damaged("a held grant") }
        let response = TokenResponse(
            accessToken: Secret(token), tokenType: type, expiresIn: number("expires_in"),
            refreshToken: text("refresh_token").map { Secret($0) },
            refreshTokenExpiresIn: number("refresh_token_expires_in"), scope: texts("scope"), additional: additional)
        var account: Account?
        if let key = text("account_key"), let name = text("account_name") { account = Account(key: key, name: name) }
        let proofKey = try text("proof_key").flatMap { [UInt8](hexadecimal: $0) }.map { try SigningKey(serialized: $0) }
        var attributes: [String: String] = [:]
        if case .object(let kept)? = members["attributes"] {
            for case (let name, .string(let value)) in kept.pairs { attributes[name] = value }
        }
        self.init(
            response: response, account: account, sentAt: Timestamp(milliseconds: sentAt), scopes: texts("asked") ?? [],
            proofKey: proofKey, attributes: attributes)
    }
}
