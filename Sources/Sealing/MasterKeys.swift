/// The master key that is wanted and, while it is being replaced, the one before: both are configured until the key ring
/// is wrapped by the new one, so a stop at any moment leaves a key ring that one of them opens.
public struct MasterKeys: Sendable {
    public let current: any MasterKeySource
    public let previous: (any MasterKeySource)?

    public init(current: any MasterKeySource, previous: (any MasterKeySource)? = nil) {
        self.current = current
        self.previous = previous
    }

    /// The one that wraps the key ring with this check value. The previous one is asked only when the current one is
    /// not it.
    public func wrapping(keyCheck: [UInt8]) async throws(SealingError) -> MasterKey {
        let failure: SealingError
        do throws(SealingError) {
            let key = try await current.masterKey()
            if constantTimeEqual(try key.checkValue(), keyCheck) { return key }
            failure = KeyRing.wrongMasterKey
        } catch {
            failure = error
        }
        guard let previous else { throw failure }
        let key = try await previous.masterKey()
        guard constantTimeEqual(try key.checkValue(), keyCheck) else { throw failure }
        return key
    }
}
