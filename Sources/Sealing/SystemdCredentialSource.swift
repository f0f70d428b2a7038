import Glibc

/// The master key as a systemd credential (`LoadCredential=` or `LoadCredentialEncrypted=`, systemd.exec(5)), in the
/// form of a master key file.
public struct SystemdCredentialSource: MasterKeySource {
    private let name: String
    private let folder: String?

    /// - Parameter folder: $CREDENTIALS_DIRECTORY where nil.
    public init(name: String, folder: String? = nil) {
        self.name = name
        self.folder = folder ?? getenv("CREDENTIALS_DIRECTORY").map { String(cString: $0) }
    }

    /// Whether systemd passed it.
    public var isPresent: Bool {
        guard let folder else { return false }
        return access("\(folder)/\(name)", F_OK) == 0
    }

    public func masterKey() throws(SealingError) -> MasterKey {
        guard let folder else {
            throw SealingError(
                .masterKeyUnreadable, "There is no $CREDENTIALS_DIRECTORY: add LoadCredential=\(name) to the unit.")
        }
        return try FileMasterKeySource(path: "\(folder)/\(name)", isCredential: true).masterKey()
    }
}
