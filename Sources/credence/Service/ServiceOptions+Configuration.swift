import Configuration
import HTTPTransport
import SystemPackage

extension ServiceOptions {
    /// Reads what is not said on the command line from the environment (`CREDENCE_LISTEN` and so on) and from the file.
    mutating func fill(fromFile path: String?) async throws {
        var providers: [any ConfigProvider] = [EnvironmentVariablesProvider().prefixKeys(with: "credence")]
        if let path {
            do {
                providers.append(try await FileProvider<YAMLSnapshot>(filePath: .init(path)))
            } catch {
                throw CommandFailure(.failed, "The configuration \(path) cannot be read as YAML: \(error)")
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
        masterKeyFile = reader.string(forKey: "master-key-file") ?? masterKeyFile
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
