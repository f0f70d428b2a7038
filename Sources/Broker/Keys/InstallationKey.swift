import Crypto
import OAuth
import Sealing

/// One random key for the whole life of an installation, sealed in the store: what it signs and what it fingerprints stays
/// comparable while data keys come and go.
public actor InstallationKey {
    /// What a key is derived for, each by its own name: none says anything about the others.
    public enum Purpose: String, Sendable {
        case fingerprint = "credence/fingerprint/1"
        case auditChain = "credence/audit/chain/1"
        case auditHead = "credence/audit/head/1"
        case backup = "credence/backup/1"
    }

    private let store: any SecretStore
    private let sealing: GrantSealing
    private let random: any RandomSource
    private var known: SymmetricKey?

    public init(store: any SecretStore, sealing: GrantSealing, random: any RandomSource) {
        self.store = store
        self.sealing = sealing
        self.random = random
    }

    /// 32 bytes. Makes the key where there is none yet.
    public func derived(for purpose: Purpose) async throws(BrokerError) -> [UInt8] {
        Array(
            HMAC<SHA256>.authenticationCode(
                for: Array(purpose.rawValue.utf8), using: try await key()))
    }

    /// 16 hexadecimal digits that tell values apart and are worth nothing without the key: a short password cannot be
    /// tried against them.
    func fingerprint(of material: CredentialMaterial) async throws(BrokerError) -> String {
        let key = SymmetricKey(data: try await derived(for: .fingerprint))
        return Array(HMAC<SHA256>.authenticationCode(for: material.serialized(), using: key).prefix(8)).hexadecimal
    }

    /// Whether a text was signed with the key of that purpose.
    public func signed(_ text: String, as mac: [UInt8], for purpose: Purpose) async throws(BrokerError) -> Bool {
        Self.authenticate(text, try await derived(for: purpose)) == mac
    }

    static func authenticate(_ text: String, _ key: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: SymmetricKey(data: key)))
    }

    private func key() async throws(BrokerError) -> SymmetricKey {
        if let known { return known }
        do throws(StoreFailure) {
            if try await store.installationKey() == nil {
                // Of two that make one at once, the first one's stays.
                _ = try await store.insert(installationKey: try sealed(random.bytes(32)))
            }
            guard let box = try await store.installationKey() else { throw StoreFailure(.other, "It is not there.") }
            let key = SymmetricKey(data: try opened(box))
            known = key
            return key
        } catch {
            throw .storeUnavailable(error)
        }
    }

    private func sealed(_ key: [UInt8]) throws(StoreFailure) -> SealedBox {
        do { return try sealing.seal(installationKey: key) } catch { throw Self.damaged }
    }

    private func opened(_ box: SealedBox) throws(StoreFailure) -> [UInt8] {
        do { return try sealing.installationKey(box) } catch { throw Self.damaged }
    }

    private static let damaged = StoreFailure(
        .damaged, "The installation's own key does not open: restore the data folder from a backup.")
}
