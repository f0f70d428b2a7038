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
            let box = try sealing.seal(
                received.serialized(replacing: stored.grant.accountKey), as: .heldGrant, record: hash.hexadecimal)
            let held = HeldGrant(
                hash: hash, connection: stored.id, browserHash: pending.browserHash, box: box,
                returnTo: pending.returnTo, expiresAt: clock.now + Self.holdLifetime)
            try await clock.insisting { () async throws(StoreFailure) in try await consents.insert(held) }
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
        let stored: StoredConnection
        let registration: Registration
        do {
            stored = try await connection(held.connection)
            registration = try await self.registration(of: stored)
        } catch {
            // What is in the way now may be gone in a minute: the question stands as long as it would have.
            if error.code != .connectionGone { try? await consents.insert(held) }
            throw error
        }
        let (received, replaced) = try open(held)
        guard replaces else {
            await giveBack(received, of: stored)
            throw ConsentFailure(.refused, "The connection keeps the account it had.", providerError: "account_kept")
        }
        // The owner spoke of the account that was shown, not of one that came meanwhile.
        if let key = stored.grant.accountKey, !isSameText(key, replaced ?? ""),
            !Account.isSame(key, as: received.account)
        {
            await giveBack(received, of: stored)
            throw ConsentFailure(
                .refused, "Another account was connected meanwhile. Open the link again to replace it.",
                providerError: "other_account")
        }
        try await commit(received, to: stored, registration)
        return .connected(stored.id, providerTitle: registration.provider.title, returnTo: held.returnTo)
    }

    /// Tokens that nobody will use are given back, unless they may be of the account that stays: some providers end all of
    /// an account's tokens with one (RFC 7009 §2.1).
    func giveBack(_ received: Received, of stored: StoredConnection) async {
        guard let account = received.account, let key = stored.grant.accountKey, !Account.isSame(key, as: account)
        else { return }
        await revoker.owe(received.response, of: stored)
    }

    /// With the key of the account that the question was about.
    private func open(_ held: HeldGrant) throws(ConsentFailure) -> (Received, replaced: String?) {
        do {
            let bytes = try sealing.payload(held.box, of: .heldGrant, record: held.hash.hexadecimal)
            return (try Received(serialized: bytes), try Received.replaced(in: bytes))
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
            await giveBack(try open(found).0, of: try await connection(found.connection))
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
    /// - Parameter replaced: the key of the account that it would take the place of.
    fileprivate func serialized(replacing replaced: String?) -> [UInt8] {
        var members = JSONObject([
            ("access_token", .string(response.accessToken.reveal())), ("token_type", .string(response.tokenType)),
            ("sent_at", .string(String(sentAt.milliseconds))), ("asked", .array(scopes.map { .string($0) })),
            ("additional", .object(response.additional)),
        ])
        members["refresh_token"] = response.refreshToken.map { .string($0.reveal()) }
        members["expires_in"] = response.expiresIn.map { .number(JSONNumber($0)) }
        members["refresh_token_expires_in"] = response.refreshTokenExpiresIn.map { .number(JSONNumber($0)) }
        members["scope"] = response.scope.map { .array($0.map { .string($0) }) }
        members["expires_at"] = response.expiresAt.map { .number(JSONNumber($0)) }
        members["replaced"] = replaced.map { .string($0) }
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
        var response = TokenResponse(
            accessToken: Secret(token), tokenType: type, expiresIn: number("expires_in"),
            refreshToken: text("refresh_token").map { Secret($0) },
            refreshTokenExpiresIn: number("refresh_token_expires_in"), scope: texts("scope"), additional: additional)
        response.expiresAt = number("expires_at")
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

    fileprivate static func replaced(in bytes: [UInt8]) throws -> String? {
        guard case .object(let members) = try JSONReader.read(bytes), case .string(let key)? = members["replaced"]
        else { return nil }
        return key
    }
}
