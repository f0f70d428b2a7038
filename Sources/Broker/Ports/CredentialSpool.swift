/// Where credentials wait that came and could not be written into the store (security case R8): a place of its own, made
/// beforehand, that works when the store's does not. It holds sealed bytes and knows nothing of them.
public protocol CredentialSpool: Sendable {
    /// Keeps a record; it is durable on return. Throws when there is no place left, or it is broken too.
    func keep(_ record: [UInt8]) throws(StoreFailure) -> Int

    /// Frees a place. What cannot be freed is found again at the next start, and does no harm.
    func free(_ place: Int)

    /// All that waits, whole or torn.
    func waiting() throws(StoreFailure) -> [(place: Int, record: [UInt8])]
}
