import AuditLog
import Configuration
import HTTPTransport
import OAuth
import SystemPackage
import Yams

extension ServiceOptions {
    /// Reads what is not said on the command line from the environment (`CREDENCE_LISTEN` and so on) and from the file.
    mutating func fill(fromFile path: String?) async throws {
        var providers: [any ConfigProvider] = [EnvironmentVariablesProvider().prefixKeys(with: "credence")]
        if let path {
            try Self.checkKeys(ofFile: path)
            do {
                providers.append(try await FileProvider<YAMLSnapshot>(filePath: .init(path)))
            } catch {
                throw CommandFailure(.failed, "The configuration \(path) cannot be read as YAML: \(error)")
            }
        }
        // What is no number would be left out without a word.
        for (name, settings) in [("CREDENCE_PROVIDER_TIMEOUT", 1), ("CREDENCE_ALLOW_PORTS", Int.max)] {
            let numbers = environment(name)?.split(separator: ",", maxSplits: settings - 1) ?? []
            guard numbers.allSatisfy({ Int($0.filter { $0 != " " }) != nil }) else {
                throw CommandFailure(.usage, "\(name) takes \(settings == 1 ? "a whole number" : "port numbers").")
            }
        }
        let reader = ConfigReader(providers: providers)
        listen = reader.string(forKey: "listen") ?? listen
        managementListen = reader.string(forKey: "management-listen") ?? managementListen
        publicURL = reader.string(forKey: "public-url") ?? publicURL
        providerFolders = reader.stringArray(forKey: "providers") ?? providerFolders
        tlsCertificate = reader.string(forKey: "tls-certificate") ?? tlsCertificate
        tlsKey = reader.string(forKey: "tls-key") ?? tlsKey
        allowedReturns = reader.stringArray(forKey: "return-to") ?? allowedReturns
        allowedNetworks = reader.stringArray(forKey: "allow-networks") ?? allowedNetworks
        allowedPorts = reader.intArray(forKey: "allow-ports") ?? allowedPorts
        trustedCertificates = reader.string(forKey: "trusted-certificates") ?? trustedCertificates
        providerTimeout = reader.int(forKey: "provider-timeout") ?? providerTimeout
        refreshRate = reader.int(forKey: "refresh-rate") ?? refreshRate
        masterKeyFile = reader.string(forKey: "master-key-file") ?? masterKeyFile
        masterKey = reader.string(forKey: "master-key") ?? masterKey
        previousMasterKey = reader.string(forKey: "previous-master-key") ?? previousMasterKey
        try setAudit(
            sync: reader.string(forKey: "audit-sync"), heads: reader.string(forKey: "audit-heads"),
            rotateMiB: reader.int(forKey: "audit-rotate-mib"))
    }

    mutating func setAudit(sync: String?, heads: String?, rotateMiB: Int?) throws {
        if let sync {
            guard ["write", "fsync"].contains(sync) else {
                throw CommandFailure(.usage, "audit-sync is write or fsync, not '\(Terminal.printable(sync))'.")
            }
            audit.isSynced = sync == "fsync"
        }
        if let rotateMiB {
            guard (1...1 << 20).contains(rotateMiB) else {
                throw CommandFailure(.usage, "audit-rotate-mib is a whole number from 1 to 1048576.")
            }
            audit.largest = rotateMiB << 20
        }
        audit.heads = heads ?? audit.heads
    }

    /// What would be silently of no use is refused.
    func checkLists() throws {
        if let port = allowedPorts.first(where: { !(1...65_535).contains($0) }) {
            throw CommandFailure(.usage, "--allow-port \(port): a port is a number from 1 to 65535.")
        }
        for text in allowedReturns {
            guard let url = try? EndpointURL(text), url.isSecure || isDevelopment else {
                throw CommandFailure(
                    .usage,
                    "--return-to '\(Terminal.printable(text))' is no https URL, and a return address is compared to the letter."
                )
            }
        }
    }

    private static let keys: Set<String> = [
        "listen", "management-listen", "public-url", "providers", "tls-certificate", "tls-key", "return-to",
        "allow-networks", "allow-ports", "trusted-certificates", "master-key-file", "master-key", "previous-master-key",
        "provider-timeout", "refresh-rate", "audit-sync", "audit-heads", "audit-rotate-mib",
    ]

    /// A setting that is misspelt would be silently left out: it is refused instead.
    private static func checkKeys(ofFile path: String) throws {
        guard let bytes = PrivateFile.read(path, limit: 1 << 20) else {
            throw CommandFailure(.failed, "The configuration \(path) cannot be read, or is larger than 1 MiB.")
        }
        let loaded: Any?
        do { loaded = try Yams.load(yaml: String(decoding: bytes, as: UTF8.self)) } catch {
            throw CommandFailure(.failed, "The configuration \(path) is not YAML: \(Terminal.firstLine("\(error)"))")
        }
        guard let loaded else { return }
        guard let settings = loaded as? [String: Any] else {
            throw CommandFailure(.failed, "The configuration \(path) must be a mapping of settings.")
        }
        for (key, value) in settings.sorted(by: { $0.key < $1.key }) {
            guard keys.contains(key) else {
                throw CommandFailure(
                    .failed,
                    "The configuration \(path) has no setting '\(Terminal.printable(key))'; known are: \(keys.sorted().joined(separator: ", "))."
                )
            }
            let (isRight, kind) =
                switch key {
                case "provider-timeout", "refresh-rate", "audit-rotate-mib": (value is Int, "a whole number")
                case "allow-ports": (value is [Int], "a list of port numbers")
                case "providers", "return-to", "allow-networks": (value is [String], "a list of texts")
                default: (value is String, "a text")
                }
            guard isRight else {
                throw CommandFailure(.failed, "The setting \(key) in the configuration \(path) takes \(kind).")
            }
        }
    }

    /// What the service may speak to.
    func egress() throws -> EgressPolicy {
        var policy = isDevelopment ? EgressPolicy.development : .default
        for port in allowedPorts { policy.allowedPorts?.insert(port) }
        for network in allowedNetworks {
            guard let parsed = CIDR(network) else {
                throw CommandFailure(.usage, "'\(network)' is not a network in CIDR form, such as 10.1.0.0/16.")
            }
            policy.allowedNetworks.append(parsed)
        }
        return policy
    }
}
