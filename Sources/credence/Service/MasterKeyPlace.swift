import HTTPTransport
import Sealing

/// Where the master key comes from, as it is configured: `KIND:REST`. What is not understood is never shown: somebody
/// may have put the key itself there.
enum MasterKeyPlace: Sendable, Equatable {
    case file(String)
    case credential(String)
    case command([String])
    case passphrase(String, salt: String)
    case transit(settings: String, wrapped: String)
    case kms(settings: String, wrapped: String)
    case pkcs11(settings: String, wrapped: String)

    static let kinds =
        "file:PATH, credential:NAME, command:PROGRAM ARGUMENT…, passphrase:PATH, transit:PATH, kms:PATH, pkcs11:PATH"

    /// - Parameter folder: the data folder, where the salt of a passphrase lies.
    init(_ text: String, setting: String, folder: String) throws {
        let (kind, rest) =
            text.firstIndex(of: ":").map { (text[..<$0], String(text[text.index(after: $0)...])) } ?? ("", "")
        switch kind {
        case "file" where !rest.isEmpty: self = .file(rest)
        case "credential" where !rest.isEmpty && !rest.contains("/"): self = .credential(rest)
        // Words alone, and no shell: an argument with a space in it goes into a script.
        case "command" where rest.hasPrefix("/"): self = .command(rest.split(separator: " ").map(String.init))
        case "transit" where !rest.isEmpty: self = .transit(settings: rest, wrapped: folder + "/master.transit")
        case "kms" where !rest.isEmpty: self = .kms(settings: rest, wrapped: folder + "/master.kms")
        case "pkcs11" where !rest.isEmpty: self = .pkcs11(settings: rest, wrapped: folder + "/master.pkcs11")
        case "passphrase" where !rest.isEmpty: self = .passphrase(rest, salt: folder + "/passphrase.salt")
        default:
            throw CommandFailure(.usage, "\(setting) says where the key is, as one of \(Self.kinds); never the key.")
        }
    }

    /// - Parameter trusting: a PEM file of authorities besides the system's.
    func source(trusting: String?) throws -> any MasterKeySource {
        switch self {
        case .file(let path): FileMasterKeySource(path: path)
        case .credential(let name): SystemdCredentialSource(name: name)
        case .command(let arguments): try CommandMasterKeySource(arguments)
        case .passphrase(let path, let salt): PassphraseMasterKeySource(passphrase: path, parameters: salt)
        case .transit(let settings, let wrapped): try Self.transit(settings, wrapped, trusting)
        case .kms(let settings, let wrapped): try Self.kms(settings, wrapped, trusting)
        case .pkcs11(let settings, let wrapped): try Self.pkcs11(settings, wrapped)
        }
    }

    /// Makes what is not there yet, for a key ring that is not there either.
    func make(trusting: String?) async throws {
        switch self {
        case .file(let path):
            if !PrivateFile.exists(path) { try FileMasterKeySource.createFile(at: path) }
        case .passphrase(let path, let salt):
            try PassphraseMasterKeySource(passphrase: path, parameters: salt).makeParameters()
        case .transit(let settings, let wrapped): try await Self.transit(settings, wrapped, trusting).makeKey()
        case .kms(let settings, let wrapped): try await Self.kms(settings, wrapped, trusting).makeKey()
        case .pkcs11(let settings, let wrapped): try await Self.pkcs11(settings, wrapped).makeKey()
        case .credential, .command: break
        }
    }
}

extension MasterKeyPlace {
    /// A file of the administrator's own making is never made on the way.
    func makeWhatIsBeside(trusting: String?) async throws {
        switch self {
        case .passphrase, .transit, .kms, .pkcs11: try await make(trusting: trusting)
        case .file, .credential, .command: break
        }
    }

    private static func transit(
        _ settings: String, _ wrapped: String, _ trusting: String?
    ) throws -> TransitMasterKeySource {
        TransitMasterKeySource(
            try TransitMasterKeySource.Settings.read(try read(settings)).get(), wrapped: wrapped,
            exchange: try exchange(trusting))
    }

    private static func kms(_ settings: String, _ wrapped: String, _ trusting: String?) throws -> KMSMasterKeySource {
        KMSMasterKeySource(
            try KMSMasterKeySource.Settings.read(try read(settings)).get(), wrapped: wrapped,
            exchange: try exchange(trusting), now: { SystemClock().now })
    }

    private static func pkcs11(_ settings: String, _ wrapped: String) throws -> PKCS11MasterKeySource {
        PKCS11MasterKeySource(try PKCS11MasterKeySource.Settings.read(try read(settings)).get(), wrapped: wrapped)
    }

    private static func read(_ settings: String) throws -> [UInt8] {
        guard let bytes = PrivateFile.read(settings, limit: 65_536) else {
            throw CommandFailure(.failed, "The settings of the master key, \(settings), cannot be read.")
        }
        return bytes
    }

    private static func exchange(_ trusting: String?) throws -> VettedExchange {
        // The administrator named the server, so it may be in any network and on any port; https all the same.
        var policy = EgressPolicy()
        policy.allowPrivate = true
        policy.allowLoopback = true
        policy.allowedPorts = nil
        do { return try VettedExchange(policy: policy, additionalTrustRoots: trusting) } catch {
            throw CommandFailure(
                .failed, "The certificates in \(trusting ?? "the system's store") cannot be read as PEM.")
        }
    }
}

extension ServiceOptions {
    var masterKeyPlace: MasterKeyPlace {
        get throws {
            if let masterKey { return try MasterKeyPlace(masterKey, setting: "The master key", folder: folder) }
            if masterKeyFile == nil, SystemdCredentialSource(name: Self.systemdCredential).isPresent {
                return .credential(Self.systemdCredential)
            }
            return .file(masterKeyPath)
        }
    }

    func masterKeys() async throws -> MasterKeys {
        let place = try masterKeyPlace
        let previous = try previousMasterKey.map {
            try MasterKeyPlace($0, setting: "The previous master key", folder: folder)
        }
        // Their file in the data folder is one: the second would be taken for the first.
        if case .passphrase = place, case .passphrase? = previous { throw Self.sameKind }
        if case .transit = place, case .transit? = previous { throw Self.sameKind }
        if case .kms = place, case .kms? = previous { throw Self.sameKind }
        if case .pkcs11 = place, case .pkcs11? = previous { throw Self.sameKind }
        // On the way to it, the salt of a passphrase or the wrapped key is made; one that is there is never replaced.
        if previous != nil { try await place.makeWhatIsBeside(trusting: trustedCertificates) }
        return MasterKeys(
            current: try place.source(trusting: trustedCertificates),
            previous: try previous?.source(trusting: trustedCertificates))
    }

    private static let sameKind = CommandFailure(
        .usage,
        "The master key and the previous one are of one kind that has its file in the data folder (passphrase, transit, kms, pkcs11): change to a file first, and from there on."
    )
}
